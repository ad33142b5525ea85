"""The built scripts, styles and fonts, answered from memory: a page asks for a dozen of them before it shows anything."""

import re
from functools import cache
from mimetypes import guess_type
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

FOLDERS = ("assets", "fonts")
# What the build has compressed ahead, best first: the name of the coding, and the end of the file's name.
_CODINGS = (("br", ".br"), ("gzip", ".gz"))
_REFUSED = re.compile(r"q=0(\.0*)?")
# What a machine without a list of types does not know, or knows by an older name.
_KINDS = {".js": "text/javascript", ".woff2": "font/woff2"}


class Bundle:
    """Knows the files by the names that they had when it was made, and reads each when it is first asked for."""

    def __init__(self, static_dir: Path) -> None:
        self._files = {
            f"/{file.relative_to(static_dir).as_posix()}": file
            for folder in FOLDERS
            for file in (static_dir / folder).rglob("*")
            if file.is_file()
        }

    def answer(self, scope: Scope) -> Response | None:
        """Return the file that a request is for, None when it is for something else."""
        file = self._files.get(scope["path"])
        if file is None or scope["method"] != "GET":
            return None
        headers = {"Vary": "Accept-Encoding"}
        accepted = _accepted(Headers(scope=scope).get("accept-encoding", ""))
        content = file
        for coding, end in _CODINGS:
            smaller = self._files.get(f"{scope['path']}{end}")
            if smaller is not None and coding in accepted:
                headers["Content-Encoding"], content = coding, smaller
                break
        kind = _KINDS.get(file.suffix) or guess_type(file.name)[0]
        try:
            return Response(_read(content), media_type=kind, headers=headers)
        except FileNotFoundError:
            return None  # another build has taken its place


def _accepted(header: str) -> set[str]:
    """Return the codings that a client takes (RFC 9110 §12.5.3)."""
    named = (one.replace(" ", "").lower().partition(";") for one in header.split(","))
    return {name for name, _, weight in named if not _REFUSED.fullmatch(weight)}


@cache
def _read(file: Path) -> bytes:
    return file.read_bytes()
