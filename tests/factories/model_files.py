"""A model file that nobody has added to an installation yet."""

import shutil
from pathlib import Path

from app.backend.core.settings import Settings
from app.backend.models.files import CHAT

NAME = "tiny-model"


def copy_model(settings: Settings, folder: Path) -> Path:
    """Return a copy of the model that comes with the product, which is called `local/<NAME>` once it is added."""
    path = folder / f"{NAME}.gguf"
    shutil.copyfile(CHAT.path(settings.models_dir), path)
    return path
