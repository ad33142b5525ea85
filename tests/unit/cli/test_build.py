"""When the front end is built, and when it is taken as it is."""

from pathlib import Path

import pytest

from app.cli import build


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build folder in which nothing can be locked, as in an image that is read-only."""
    monkeypatch.setattr(build, "build_folder", lambda: tmp_path)
    (tmp_path / "lock").mkdir()
    return tmp_path


def test_front_end_that_is_there_needs_no_lock(folder: Path) -> None:
    stamp = folder / "web" / "build" / "atelier-key"
    stamp.parent.mkdir(parents=True)
    stamp.write_text(build.build_key())

    assert not build.ensure_built()


def test_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    with pytest.raises(build.BuildFailed, match=str(folder)):
        build.ensure_built()
