"""Reads the bytes of a model file, from a URL or from the disk, and holds them against a hash."""

import errno
import hashlib
import os
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from app.backend.core import tls
from app.backend.core.errors import Invalid

_BLOCK = 1 << 20
_TIMEOUT = httpx.Timeout(60, connect=10)
_HASH = re.compile(r"[0-9a-f]{64}")
_NO_ROOM, _NO_RIGHT = {errno.ENOSPC, errno.EDQUOT}, {errno.EACCES, errno.EROFS}

# Takes how many bytes there are, and of how many; what it raises ends the work.
Report = Callable[[int, int], None]


def to_nobody(_completed: int, _total: int) -> None:
    """Report where nobody waits."""


def download(url: str, target: Path, sha256: str, report: Report) -> None:
    """Write what is at `url` to `target`.

    Raises:
        Invalid: it cannot be fetched, or is not what the hash says.
    """
    seen, size = hashlib.sha256(), 0
    try:
        with (
            httpx.Client(
                timeout=_TIMEOUT, verify=tls.trusted(), follow_redirects=True
            ) as client,
            client.stream("GET", url) as answer,
            target.open("wb") as file,
        ):
            answer.raise_for_status()
            total = int(answer.headers.get("content-length", 0))
            for block in answer.iter_bytes(_BLOCK):
                file.write(block)
                seen.update(block)
                size += len(block)
                report(size, total)
            os.fsync(file.fileno())
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        message = f"{url} cannot be fetched ({error}). Correct the address, or fetch the file yourself and add its path."
        raise Invalid.field("source", message) from None
    need_hash(seen.hexdigest(), sha256)


def hash_file(path: Path, report: Report) -> str:
    """Return the SHA-256 of the file at `path`."""
    seen, size, total = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            seen.update(block)
            size += len(block)
            report(size, total)
    return seen.hexdigest()


@contextmanager
def reading(path: Path) -> Generator[None, None, None]:
    """Say in words when the file at `path` cannot be read."""
    try:
        yield
    except OSError as error:
        message = f"{str(path)!r} cannot be read ({error.strerror}). Let the user that Atelier runs as read it and its folder, or give another path."
        raise Invalid.field("source", message) from None


@contextmanager
def writing(folder: Path) -> Generator[None, None, None]:
    """Say in words when nothing can be written to `folder`."""
    try:
        yield
    except OSError as error:
        remedy = "Fetch it yourself under another name, and add its path."
        if error.errno in _NO_ROOM:
            remedy = "Make room there, then add it again."
        elif error.errno in _NO_RIGHT:
            remedy = "Let the user that Atelier runs as write there, then add it again."
        message = (
            f"The file cannot be kept in {str(folder)!r} ({error.strerror}). {remedy}"
        )
        raise Invalid.field("source", message) from None


def is_hash(text: str) -> bool:
    """Tell whether `text` is a SHA-256."""
    return bool(_HASH.fullmatch(text.lower()))


def need_hash(found: str, wanted: str) -> None:
    """Raise Invalid when a file has another hash than the one that was given, if any."""
    if wanted and found != wanted.strip().lower():
        message = f"The file has the SHA-256 {found}, not the one that you gave. Nothing was kept."
        raise Invalid.field("sha256", message)


def shown(url: str) -> str:
    """Return a URL as everybody may see it: a password or a signature in it is for whoever fetches."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()
