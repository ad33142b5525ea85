"""Both object stores keep the same promises."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from app.backend.core.crypto import Keyring
from app.backend.core.errors import AppError, Invalid, ServiceUnavailable
from app.backend.core.settings import Settings
from app.backend.files.errors import ObjectMissing
from app.backend.files.storage import ObjectStore, make_signer, make_store
from tests.parts import free_port
from tests.stack import settings_of

KEYRING = Keyring("installation")


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    settings = (
        settings_of(tmp_path)
        if request.param == "local"
        else request.getfixturevalue("s3_settings")
    )
    return make_store(settings, KEYRING)


async def test_put_then_get_gives_the_same_bytes(store: ObjectStore) -> None:
    body = bytes(range(256)) * 4000

    await store.put("collections/a/b/original", body, media_type="application/pdf")

    assert await store.get("collections/a/b/original") == body


async def test_put_again_replaces(store: ObjectStore) -> None:
    for body in (b"one", b"two"):
        await store.put("a/replaced", body, media_type="text/plain")

    assert await store.get("a/replaced") == b"two"


async def test_stream_gives_pieces(store: ObjectStore) -> None:
    body = b"x" * 700_000
    await store.put("a/long", body, media_type="text/plain")

    pieces = [piece async for piece in store.stream("a/long")]

    assert len(pieces) > 1
    assert b"".join(pieces) == body


async def test_get_absent_is_missing(store: ObjectStore) -> None:
    await store.check()

    with pytest.raises(ObjectMissing, match="Upload it again"):
        await store.get("a/absent")


async def test_delete_then_get_is_missing(store: ObjectStore) -> None:
    await store.put("a/gone", b"x", media_type="text/plain")

    await store.delete("a/gone")
    await store.delete("a/gone")

    with pytest.raises(ObjectMissing):
        await store.get("a/gone")


async def test_delete_below_removes_that_folder_only(store: ObjectStore) -> None:
    for key in ("c/1/original", "c/1/parsed.json", "c/10/original"):
        await store.put(key, b"x", media_type="text/plain")

    await store.delete_below("c/1")
    await store.delete_below("c/1")

    assert await store.get("c/10/original") == b"x"
    with pytest.raises(ObjectMissing):
        await store.get("c/1/parsed.json")


@pytest.mark.parametrize(
    "key", ["../secret.key", "a/../../b", "/etc/passwd", "a//b", "", "a/.hidden", "a\0"]
)
async def test_key_that_leaves_the_store_is_refused(
    store: ObjectStore, key: str
) -> None:
    with pytest.raises(Invalid):
        await store.get(key)


async def test_check_of_a_working_store_is_silent(store: ObjectStore) -> None:
    await store.check()


async def test_s3_url_downloads_under_the_name_and_expires(
    s3_settings: Settings,
) -> None:
    store = make_store(s3_settings, KEYRING)
    await store.put("a/report", b"body", media_type="text/plain")

    url = await store.url("a/report", name="Bericht ü.pdf", seconds=60)

    async with httpx.AsyncClient() as http:
        found = await http.get(url)
        assert found.content == b"body"
        assert "Bericht%20%C3%BC.pdf" in found.headers["content-disposition"]
        forged = await http.get(url.replace("a/report", "a/long"))
        assert forged.status_code == 403


async def test_s3_wrong_secret_says_what_to_check(s3_settings: Settings) -> None:
    wrong = s3_settings.model_copy(update={"s3_secret_key": SecretStr("wrong")})

    with pytest.raises(ServiceUnavailable, match="ATELIER_S3_"):
        await make_store(wrong, KEYRING).put("a/b", b"x", media_type="text/plain")


async def test_s3_down_says_what_to_check(s3_settings: Settings) -> None:
    away = s3_settings.model_copy(
        update={"s3_endpoint": f"http://127.0.0.1:{free_port()}"}
    )

    with pytest.raises(ServiceUnavailable, match="ATELIER_S3_ENDPOINT"):
        await make_store(away, KEYRING).check()


def test_s3_without_its_settings_names_them(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="ATELIER_S3_ENDPOINT"):
        make_store(settings_of(tmp_path, object_store="s3"), KEYRING)


async def test_local_url_is_signed_for_key_name_and_time(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    signer = make_signer(settings, KEYRING)
    url = urlsplit(
        await make_store(settings, KEYRING).url("a/b", name="ü.pdf", seconds=60)
    )
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    given: dict[str, Any] = {
        "name": query["name"],
        "expires": int(query["expires"]),
        "signature": query["signature"],
    }

    assert url.path == "/files/a/b"
    assert signer.is_valid("a/b", **given)
    assert not signer.is_valid("a/c", **given)
    later = dict(given, expires=given["expires"] + 1)
    assert not signer.is_valid("a/b", **later)
    renamed = dict(given, name="x.exe")
    assert not signer.is_valid("a/b", **renamed)


async def test_local_url_is_over_after_its_time(tmp_path: Path) -> None:
    signer = make_signer(settings_of(tmp_path), KEYRING)
    query = parse_qs(urlsplit(signer.url("a/b", name="n", seconds=-2)).query)

    assert not signer.is_valid(
        "a/b",
        name="n",
        expires=int(query["expires"][0]),
        signature=query["signature"][0],
    )


async def test_local_folder_that_is_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "objects").write_text("not a folder")

    with pytest.raises(ServiceUnavailable, match="not writable"):
        await make_store(settings_of(tmp_path), KEYRING).check()
