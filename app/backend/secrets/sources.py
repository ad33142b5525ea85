"""Reads secrets that the environment, a file or Vault keeps; each time anew."""

import asyncio
import os
import stat
from pathlib import Path

from app.backend.core.settings import Settings
from app.backend.secrets.errors import SecretMissing
from app.backend.secrets.references import Reference, Source

_FILE_BYTES_MAX = 64 * 1024
_OURS = "ATELIER_"


async def fetch(settings: Settings, reference: Reference) -> str:
    """Return the value of a secret of the installation.

    Raises:
        SecretMissing: it is not there, or may not be read.
    """
    match reference.source:
        case Source.ENV:
            return _from_environment(settings, reference)
        case Source.FILE:
            return await asyncio.to_thread(_from_file, settings, reference)
        case Source.VAULT:
            # Its client is for those who have a Vault.
            from app.backend.secrets.vault import read_vault

            return await asyncio.to_thread(read_vault, settings, reference)
        case Source.DB:
            message = f"{reference} is not a secret of the installation."
            raise ValueError(message)


def _from_environment(settings: Settings, reference: Reference) -> str:
    name, prefix = reference.name, settings.secret_env_prefix
    if name.startswith(_OURS) or not name.startswith(prefix):
        what = f"names have to begin with {prefix!r}. Rename the variable, or change ATELIER_SECRET_ENV_PREFIX."
        raise SecretMissing(str(reference), what)
    value = os.environ.get(name, "")
    if not value:
        what = "this process has no such variable. Set it, and restart Atelier."
        raise SecretMissing(str(reference), what)
    return value


def _from_file(settings: Settings, reference: Reference) -> str:
    folder = settings.secret_file_dir
    if folder is None:
        what = "no folder is allowed. Set ATELIER_SECRET_FILE_DIR."
        raise SecretMissing(str(reference), what)
    try:
        # Resolved first, so that neither `..` nor a symbolic link leads out; the last part may not become one meanwhile.
        path = Path(reference.name).resolve(strict=True)
        if not path.is_relative_to(folder.resolve(strict=True)):
            what = f"it is not below {str(folder)!r}, the folder of ATELIER_SECRET_FILE_DIR. Move it there."
            raise SecretMissing(str(reference), what)
        return _read(path)
    except (OSError, ValueError) as error:
        what = f"the file cannot be read ({error}). Check its path and rights."
        raise SecretMissing(str(reference), what) from None


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            message = "it is no plain file"
            raise ValueError(message)
        body = file.read(_FILE_BYTES_MAX + 1)
    if len(body) > _FILE_BYTES_MAX:
        message = "it is too large for a secret"
        raise ValueError(message)
    return body.decode().rstrip("\r\n")
