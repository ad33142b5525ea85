"""Model files on this machine: added by path and by URL, tried out, deleted."""

import asyncio
import errno
import hashlib
import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from app.backend.core.errors import Invalid, NotFound
from app.backend.core.settings import Settings
from app.backend.models import local, local_trial
from app.backend.models.files import CHAT
from app.backend.models.shelf import BeingMeasured, CatalogueUnreadable
from app.backend.providers import gguf
from tests.factories.model_files import serve_folder

OTHER_HASH = "0" * 64


@pytest.fixture
def file(settings: Settings, tmp_path: Path) -> Path:
    """A model file that nobody has added yet."""
    path = tmp_path / "served" / "Tiny Model-Q4.gguf"
    path.parent.mkdir()
    shutil.copyfile(CHAT.path(settings.models_dir), path)
    return path


@pytest.fixture
def url(file: Path) -> Generator[str, None, None]:
    """Where a server on loopback gives the file."""
    with serve_folder(file.parent) as address:
        yield f"{address}/{file.name.replace(' ', '%20')}"


def _tell_nobody(_completed: int, _total: int) -> None:
    pass


def test_file_is_added_where_it_is_and_stays_when_it_is_taken_out(
    settings: Settings, file: Path
) -> None:
    shelf = local.open_shelf(settings)
    added = shelf.add_path(file, licence="MIT")

    assert (added.name, added.path) == ("tiny-model-q4", str(file))
    assert (added.architecture, added.licence) == ("llama", "MIT")
    assert (added.size, added.sha256) == (CHAT.size, CHAT.sha256)
    views = local.list_local(settings)
    assert [view.name for view in views] == [
        "local/smollm2-135m",
        "local/tiny-model-q4",
    ]
    with pytest.raises(Invalid, match="already"):
        shelf.add_path(file)
    shelf.delete("local/tiny-model-q4")
    assert file.is_file()
    assert shelf.list() == []
    with pytest.raises(NotFound):
        shelf.delete("local/tiny-model-q4")


def test_file_of_another_hash_or_kind_is_refused(
    settings: Settings, file: Path, tmp_path: Path
) -> None:
    shelf = local.open_shelf(settings)
    text = tmp_path / "text.gguf"
    text.write_text("no model")

    with pytest.raises(Invalid, match="not the one that you gave"):
        shelf.add_path(file, sha256=OTHER_HASH)
    with pytest.raises(Invalid, match="not a GGUF file"):
        shelf.add_path(text)
    with pytest.raises(Invalid, match="is not a file"):
        shelf.add_path(tmp_path / "gone.gguf")
    assert shelf.list() == []


def test_file_is_fetched_checked_and_deleted(settings: Settings, url: str) -> None:
    shelf = local.open_shelf(settings)
    told: list[tuple[int, int]] = []
    added = shelf.fetch(url, sha256=CHAT.sha256, report=lambda *step: told.append(step))

    path = Path(added.path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == CHAT.sha256
    assert added.source == url
    assert told[-1] == (CHAT.size, CHAT.size)
    shelf.delete(added.name)
    assert not path.exists()


def test_own_file_in_the_data_folder_stays_when_it_is_taken_out(
    settings: Settings, file: Path
) -> None:
    own = settings.data_dir / "models" / "mine.gguf"
    own.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, own)
    shelf = local.open_shelf(settings)
    shelf.add_path(own)

    shelf.delete("local/mine")
    assert own.is_file()


def test_file_whose_name_is_taken_is_not_fetched(
    settings: Settings, file: Path, url: str
) -> None:
    shelf = local.open_shelf(settings)
    shelf.add_path(file)
    told: list[tuple[int, int]] = []

    with pytest.raises(Invalid, match="already"):
        shelf.fetch(url, sha256=CHAT.sha256, report=lambda *step: told.append(step))

    assert told == []
    assert not list((settings.data_dir / "models").rglob("*.gguf"))


def test_fetched_file_that_is_no_model_is_not_kept(
    settings: Settings, file: Path, url: str
) -> None:
    file.write_text("no model")
    sha256 = hashlib.sha256(b"no model").hexdigest()

    with pytest.raises(Invalid, match="not a GGUF file"):
        local.open_shelf(settings).fetch(url, sha256=sha256, report=_tell_nobody)

    assert not list((settings.data_dir / "models").rglob("*.gguf"))


def test_address_is_shown_without_its_secrets(settings: Settings, url: str) -> None:
    secret = url.replace("//", "//me:token@") + "?sig=secret#part"
    local.open_shelf(settings).fetch(secret, sha256=CHAT.sha256, report=_tell_nobody)

    (_, view) = local.list_local(settings)
    assert view.source == url


@pytest.mark.parametrize("name", ["模型.gguf", "...gguf"])
def test_file_without_a_name_for_its_model_is_refused(
    settings: Settings, file: Path, name: str
) -> None:
    nameless = file.rename(file.with_name(name))

    with pytest.raises(Invalid, match="Rename the file"):
        local.open_shelf(settings).add_path(nameless)


def test_catalogue_that_cannot_be_read_is_left_alone(
    settings: Settings, file: Path
) -> None:
    shelf = local.open_shelf(settings)
    shelf.add_path(file)
    index = settings.data_dir / "models" / "catalogue.json"
    index.write_text(torn := index.read_text()[:-3])

    with pytest.raises(CatalogueUnreadable, match="is not changed"):
        shelf.add_path(file)

    assert index.read_text() == torn
    assert shelf.list() == []


@pytest.mark.parametrize(
    ("sha256", "words"), [(OTHER_HASH, "Nothing was kept"), ("", "64 hexadecimal")]
)
def test_fetched_file_that_is_another_one_is_not_kept(
    settings: Settings, url: str, sha256: str, words: str
) -> None:
    shelf = local.open_shelf(settings)

    with pytest.raises(Invalid, match=words):
        shelf.fetch(url, sha256=sha256, report=_tell_nobody)

    assert shelf.list() == []
    assert not list((settings.data_dir / "models").rglob("*.gguf"))
    assert not list((settings.data_dir / "models").glob("fetched-*"))


async def test_speed_is_measured_and_kept(settings: Settings, file: Path) -> None:
    shelf = local.open_shelf(settings)
    added = shelf.add_path(file)
    speed, reason = await local_trial.measure(
        file, architecture="llama", context=512, threads=1
    )
    shelf.note_trial(added.name, tokens_per_second=speed, reason=reason)
    shelf.note_trial("local/smollm2-135m", tokens_per_second=20.5, reason="")

    own, view = local.list_local(settings)
    assert reason == ""
    assert view.tokens_per_second == speed
    assert (speed or 0) > 0
    assert (own.tokens_per_second, own.reason) == (20.5, "")
    shelf.note_trial("local/smollm2-135m", tokens_per_second=None, reason="Too new.")
    assert local.list_local(settings)[0].reason == "Too new."


async def test_newer_architecture_is_explained(settings: Settings, file: Path) -> None:
    offset = gguf.read(file).offsets["general.architecture"]
    with file.open("r+b") as opened:
        opened.seek(offset)
        opened.write(b"qwen9")
    shelf = local.open_shelf(settings)
    added = shelf.add_path(file)
    speed, reason = await local_trial.measure(
        file, architecture=added.architecture, context=512, threads=1
    )
    shelf.note_trial(added.name, tokens_per_second=speed, reason=reason)

    (_, view) = local.list_local(settings)
    assert view.tokens_per_second is None
    assert "cannot be loaded" in view.reason
    assert "qwen9" in view.reason
    assert "llama-server -m" in view.reason


@pytest.mark.parametrize("name", ["/proc/self/mem", f"{'x' * 300}.gguf"])
def test_file_that_cannot_be_read_says_why(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    with pytest.raises(Invalid, match=r"cannot be read \(.+\)\. Let the user"):
        local.open_shelf(settings).add_path(tmp_path / name)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "Make room there"),
        (errno.EROFS, "write there"),
        (errno.EIO, "Fetch it yourself"),
    ],
)
def test_file_that_cannot_be_kept_says_why_and_leaves_nothing(
    settings: Settings,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    words: str,
) -> None:
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(Invalid, match=f"{os.strerror(code)}.*{words}"):
        local.open_shelf(settings).fetch(url, sha256=CHAT.sha256, report=_tell_nobody)

    assert not list((settings.data_dir / "models").rglob("*.gguf"))


@pytest.mark.parametrize(
    ("address", "words"),
    [("{url}" + "x" * 300, "under another name"), ("http://[x/a.gguf", "no address")],
)
def test_address_that_cannot_be_used_says_why(
    settings: Settings, url: str, address: str, words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        local.open_shelf(settings).fetch(
            address.format(url=url), sha256=CHAT.sha256, report=_tell_nobody
        )


def test_fetch_deletes_what_killed_ones_have_left(settings: Settings, url: str) -> None:
    shelf = local.open_shelf(settings)
    kept = Path(shelf.fetch(url, sha256=CHAT.sha256, report=_tell_nobody).path)
    left, going_on = (kept.parent.with_name(f"fetched-{name}") for name in ("a", "b"))
    for place in (left, going_on):
        place.mkdir()
        (place / "half.gguf").write_text("half")
    for path in (kept, kept.parent, left / "half.gguf", left):
        os.utime(path, (1, 1))

    with pytest.raises(Invalid, match="cannot be fetched"):
        shelf.fetch(f"{url}.gone", sha256=CHAT.sha256, report=_tell_nobody)

    assert (kept.is_file(), left.exists(), going_on.exists()) == (True, False, True)


async def test_file_that_has_gone_says_so_when_it_is_measured(
    settings: Settings, file: Path
) -> None:
    added = local.open_shelf(settings).add_path(file)
    await asyncio.to_thread(file.unlink)

    await local_trial.try_out(settings, added.name)

    (_, view) = local.list_local(settings)
    assert "No such file" in view.reason


async def test_models_are_measured_one_at_a_time(settings: Settings) -> None:
    name = f"local/{settings.local_model_name}"
    both = (local_trial.try_out(settings, name) for _ in range(2))

    done = await asyncio.gather(*both, return_exceptions=True)

    # Which of the two comes first is open.
    assert {type(one) for one in done} == {type(None), BeingMeasured}
    assert local.list_local(settings)[0].tokens_per_second
    await local_trial.try_out(settings, name)
