"""What the build adds to Reflex's: one bundle for any host and port, and the hashes of its inline scripts."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from reflex_base.plugins import Plugin
from typing_extensions import override

CSP_FILE = "csp.json"
_ADDRESS = re.compile(r"""(["'`])(ws|http)s?://[^"'`/]+(/[^"'`]*)?\1""")
_INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


class Portable(Plugin):
    """Makes the exported bundle follow the address in the browser's location bar."""

    @override
    def post_build(self, **context: Any) -> None:
        static = Path(context["static_dir"])
        _follow_location(static)
        (static.parent / CSP_FILE).write_text(json.dumps(_inline_hashes(static)))


def _follow_location(static: Path) -> None:
    chunks = list(static.glob("assets/reflex-env-*.js"))
    if len(chunks) != 1:
        message = f"Expected one reflex-env chunk, found {chunks}."
        raise RuntimeError(message)
    text, count = _ADDRESS.subn(_address_of_page, chunks[0].read_text())
    if not count:
        message = f"No back-end address in {chunks[0]}."
        raise RuntimeError(message)
    chunks[0].write_text(text)


def _address_of_page(match: re.Match[str]) -> str:
    base = (
        "location.origin"
        if match[2] == "http"
        else 'location.origin.replace(/^http/,"ws")'
    )
    return f"({base}+{json.dumps(match[3] or '')})"


def _inline_hashes(static: Path) -> list[str]:
    hashes = {
        "sha256-" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        for page in static.rglob("*.html")
        for body in _INLINE.findall(page.read_text())
    }
    return sorted(hashes)
