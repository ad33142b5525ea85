from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from app.backend.api import origin
from app.backend.core.settings import Settings


def _settings(**overrides: str) -> Settings:
    return Settings(_env_file=None, data_dir=Path("nowhere"), **overrides)  # pyright: ignore[reportCallIssue]


PLAIN = _settings()


def _is_same(settings: Settings = PLAIN, **headers: str) -> bool:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return origin.is_same_origin(Headers(named), settings)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "192.168.1.5:8000", "localhost"],
)
def test_own_page_is_the_same_origin(host: str) -> None:
    assert _is_same(host=host, origin=f"http://{host}")


def test_default_ports_need_not_be_written() -> None:
    assert _is_same(host="127.0.0.1", origin="http://127.0.0.1:80")
    assert _is_same(host="127.0.0.1:443", origin="https://127.0.0.1")


@pytest.mark.parametrize(
    "foreign",
    [
        "http://evil.example",
        "http://127.0.0.1:9000",
        "http://127.0.0.1.evil.example:8000",
        "http://127.0.0.1:8000@evil.example",
        "http://[::1",
        "null",
        "",
        "127.0.0.1:8000",
        "file://127.0.0.1:8000",
        "http://127.0.0.1:99999",
    ],
)
def test_other_origins_are_not(foreign: str) -> None:
    assert not _is_same(host="127.0.0.1:8000", origin=foreign)


def test_without_an_origin_the_browser_must_vouch() -> None:
    assert not _is_same(host="127.0.0.1:8000")
    assert _is_same(host="127.0.0.1:8000", sec_fetch_site="same-origin")
    assert not _is_same(host="127.0.0.1:8000", sec_fetch_site="same-site")


def test_rebound_name_is_not_ours() -> None:
    name = "rebound.example:8000"

    assert not _is_same(host=name, origin=f"http://{name}")
    assert not _is_same(host="", origin="http://127.0.0.1")


def test_public_url_is_ours_behind_a_proxy() -> None:
    settings = _settings(public_url="https://atelier.example.org")

    assert _is_same(
        settings, host="atelier.example.org", origin="https://atelier.example.org"
    )
    assert _is_same(
        settings, host="127.0.0.1:8000", origin="https://atelier.example.org"
    )
    assert not _is_same(
        settings, host="atelier.example.org", origin="http://atelier.example.org"
    )


def test_host_of_the_settings_is_ours() -> None:
    settings = _settings(host="studio.lan")

    assert _is_same(settings, host="studio.lan:8000", origin="http://studio.lan:8000")


def test_request_that_names_no_site_is_not_foreign() -> None:
    assert not origin.is_foreign(Headers({"host": "127.0.0.1"}), PLAIN)


def test_typed_address_is_not_foreign() -> None:
    headers = Headers({"host": "127.0.0.1", "sec-fetch-site": "none"})

    assert not origin.is_foreign(headers, PLAIN)


@pytest.mark.timeout(60)  # Hypothesis makes its table of all characters first.
@given(st.text(), st.text())
def test_any_text_gets_an_answer(host: str, claimed: str) -> None:
    raw = [(b"host", host.encode()), (b"origin", claimed.encode())]

    assert origin.is_same_origin(Headers(raw=raw), PLAIN) in (True, False)


@given(st.text("ab01.-:", min_size=1, max_size=20))
def test_origin_of_another_place_is_never_ours(place: str) -> None:
    assert not _is_same(host="127.0.0.1:8000", origin=f"http://{place}")
