"""The model that the local runtime holds: the shipped one, or a GGUF file of the user."""

from dataclasses import dataclass
from pathlib import Path

from app.backend.core.errors import AppError
from app.backend.core.settings import Settings
from app.backend.models import files
from app.backend.models.files import DefaultFile

_DEFAULT_EMBEDDER = "minilm-int8"


class LocalModelMissing(AppError):
    """The GGUF file that the settings name is not there."""

    code = "MODEL_FILES_MISSING"
    status = 503


@dataclass(frozen=True)
class LocalModel:
    """A model file, and how much of a conversation it sees."""

    name: str
    path: Path
    context: int


def needed_files(settings: Settings) -> list[DefaultFile]:
    """Return the default model files that this installation uses."""
    chat = [files.CHAT] if settings.local_model_path is None else []
    embedder = [files.EMBEDDER, files.TOKENIZER]
    return chat + (embedder if settings.embedder == _DEFAULT_EMBEDDER else [])


def find_local_model(settings: Settings) -> LocalModel:
    """Return the model file that the settings ask for.

    Raises:
        LocalModelMissing: the file that ATELIER_LOCAL_MODEL_PATH names is not there.
        ModelFilesMissing: the shipped model has not been fetched.
    """
    path = settings.local_model_path
    if path is None:
        path = files.find_file(files.CHAT, settings.models_dir)
    elif not path.is_file():
        message = f"ATELIER_LOCAL_MODEL_PATH names {str(path)!r}, which is not a file. Correct it, or leave it empty for the shipped model."
        raise LocalModelMissing(message)
    return LocalModel(
        name=settings.local_model_name,
        path=path.resolve(),
        context=settings.local_model_context,
    )
