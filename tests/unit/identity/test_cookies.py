import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backend.core.crypto import Keyring
from app.backend.identity import cookies

KEYRING = Keyring("a")
NAME = cookies.cookie_name(KEYRING)


def test_each_installation_has_its_own_cookie() -> None:
    assert cookies.cookie_name(Keyring("b")) != NAME
    assert NAME.startswith("atelier_session_")


def test_token_is_found_among_other_cookies() -> None:
    header = f"theme=dark; {NAME}=secret-token_1; other=2"

    assert cookies.token_from_cookies(header, KEYRING) == "secret-token_1"


def test_cookie_of_another_installation_is_not_ours() -> None:
    header = f"{cookies.cookie_name(Keyring('b'))}=secret"

    assert cookies.token_from_cookies(header, KEYRING) is None


def test_empty_cookie_is_no_login() -> None:
    assert cookies.token_from_cookies(f"{NAME}=", KEYRING) is None


@pytest.mark.timeout(60)  # Hypothesis makes its table of all characters first.
@given(st.text(), st.text())
def test_garbage_around_it_hides_no_login(before: str, after: str) -> None:
    header = f"{before.replace(NAME, '')};{NAME}=token;{after.replace(NAME, '')}"

    assert cookies.token_from_cookies(header, KEYRING) == "token"


def test_sealed_header_says_nothing_until_it_is_opened() -> None:
    header = f"{NAME}=secret-token_1; theme=dark"
    sealed = cookies.seal_header(header, KEYRING)

    assert "secret-token_1" not in sealed
    assert cookies.token_from_cookies(sealed, KEYRING) is None
    assert cookies.open_header(sealed, KEYRING) == header
    assert cookies.open_header(header, KEYRING) == header


def test_sealed_header_of_somebody_who_read_it_is_no_login() -> None:
    sealed = cookies.seal_header(f"{NAME}=secret-token_1", KEYRING)
    stolen = cookies.seal_header(sealed, KEYRING)
    made_up = f"sealed:{NAME}=secret-token_1"

    for header in (stolen, made_up):
        opened = cookies.open_header(header, KEYRING)
        assert cookies.token_from_cookies(opened, KEYRING) is None
