"""The model that the local runtime holds: the shipped one, or a GGUF file of the user."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from app.backend.core.errors import AppError, NotFound
from app.backend.core.settings import Settings
from app.backend.models import files
from app.backend.models.files import DefaultFile
from app.backend.models.shelf import LocalFile, Shelf

_DEFAULT_EMBEDDER = "minilm-int8"


class LocalModelMissing(AppError):
    """The GGUF file that the settings name is not there."""

    code = "MODEL_FILES_MISSING"
    status = 503


class LocalView(BaseModel):
    """A model file on this machine; `reason` is why the runtime cannot load it, and `is_own` what settings name."""

    model_config = ConfigDict(frozen=True)

    name: str
    size: int
    architecture: str = ""
    context: int | None = None
    licence: str = ""
    source: str = ""
    sha256: str = ""
    tokens_per_second: float | None = None
    reason: str = ""
    is_own: bool = False


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


def open_shelf(settings: Settings) -> Shelf:
    """Return the catalogue of the files on this machine."""
    return Shelf(settings.data_dir, own_name=settings.local_model_name)


def list_local(settings: Settings) -> list[LocalView]:
    """Return every model on this machine that answers questions, the runtime's own one first."""
    shelf, path = open_shelf(settings), settings.local_model_path
    is_shipped = path is None
    speed, reason = shelf.own_trial
    own = LocalView(
        name=f"local/{settings.local_model_name}",
        size=_size_of(files.CHAT.path(settings.models_dir) if path is None else path),
        context=settings.local_model_context,
        architecture="llama" if is_shipped else "",
        licence=files.CHAT_LICENCE if is_shipped else "",
        source=files.CHAT.package if is_shipped else "ATELIER_LOCAL_MODEL_PATH",
        sha256=files.CHAT.sha256 if is_shipped else "",
        tokens_per_second=speed,
        reason=reason,
        is_own=True,
    )
    return [own, *(_view(file) for file in shelf.list())]


def find_path(settings: Settings, name: str) -> Path:
    """Return where a model of `list_local` is.

    Raises:
        NotFound: there is none of that name.
        LocalModelMissing, ModelFilesMissing: its file is not there.
    """
    shelf = open_shelf(settings)
    if name.removeprefix("local/") == shelf.own_name:
        return find_local_model(settings).path
    file = shelf.find(name.removeprefix("local/"))
    if file is None:
        raise NotFound("local model", name)
    return Path(file.path)


def _view(file: LocalFile) -> LocalView:
    return LocalView(
        **file.model_dump(exclude={"name", "path"}), name=f"local/{file.name}"
    )


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
