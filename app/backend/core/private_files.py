"""Files that only we may read: keys."""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def write_once(path: Path, text: str) -> None:
    """Write a file that is not there yet; of several processes that do so at once all keep the same one."""
    with _written(path, text) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return


def replace(path: Path, text: str) -> None:
    """Put `text` in the place of a file at once, and on the disk before anything else happens."""
    with _written(path, text) as temporary:
        temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _written(path: Path, text: str) -> Generator[Path, None, None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Containers that share the folder have the same process ids.
    temporary = path.with_suffix(f".{secrets.token_hex(8)}")
    temporary.touch(mode=0o600)
    try:
        with temporary.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
