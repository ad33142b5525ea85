"""Which model files an installation needs, and where its local model is."""

from pathlib import Path

import pytest

from app.backend.models import files
from app.backend.models.files import CHAT, EMBEDDER, TOKENIZER, ModelFilesMissing
from app.backend.models.local import LocalModelMissing, find_local_model, needed_files
from app.backend.providers import gguf
from tests.stack import settings_of
from tests.unit.providers.test_gguf import write_gguf


def test_shipped_models_need_all_files(tmp_path: Path) -> None:
    assert needed_files(settings_of(tmp_path)) == [CHAT, EMBEDDER, TOKENIZER]


def test_models_of_one_s_own_need_none(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path, local_model_path=tmp_path / "a.gguf", embedder=str(tmp_path)
    )

    assert needed_files(settings) == []


def test_file_of_one_s_own_is_found_by_its_setting(tmp_path: Path) -> None:
    path = tmp_path / "My-Model.Q4.gguf"
    path.touch()

    model = find_local_model(
        settings_of(tmp_path, local_model_path=path, local_model_context=1024)
    )

    assert (model.name, model.path, model.context) == ("my-model.q4", path, 1024)


def test_file_that_is_not_there_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(LocalModelMissing, match="ATELIER_LOCAL_MODEL_PATH"):
        find_local_model(settings_of(tmp_path, local_model_path=tmp_path / "none.gguf"))


def test_shipped_model_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelFilesMissing, match="atelier models fetch"):
        files.find_file(CHAT, tmp_path)


def test_patch_renames_the_tokenizer_and_nothing_else(tmp_path: Path) -> None:
    path = write_gguf(tmp_path)
    before = path.read_bytes()

    assert CHAT.patch is not None
    CHAT.patch(path)

    assert gguf.read(path).values["tokenizer.ggml.pre"] == "refact"
    assert path.read_bytes() == before.replace(b"smollm", b"refact")
