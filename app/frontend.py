"""What the build adds to Reflex's: one bundle for any host and port, and lists of what its pages need."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from reflex_base.plugins import Plugin
from typing_extensions import override

CSP_FILE = "csp.json"
PRELOAD_FILE = "preload.json"
_ADDRESS = re.compile(r"""(["'`])(ws|http)s?://[^"'`/]+(/[^"'`]*)?\1""")
_LAZY = re.compile(r"""import\((["'`])\./([^"'`]+\.js)\1\)""")
_INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


# What every page needs comes in two files, what shows a run in one, and each tab of a run when it is opened;
# `reflex-env` stays alone, since it is rewritten.
_CHUNKS = r"""
            { test: /node_modules[\\/](react|react-dom|react-router|scheduler)[\\/]|preload-helper|rolldown[\\/]runtime/, name: "react", priority: 3 },
            { test: /lucide-react|widgets[\\/](clock|page|draft)[\\/]|event_log[\\/](connection|run_feed|event_log_core)\./, name: "frame", priority: 2 },
            { test: /widgets[\\/]event_log[\\/](?!view_)/, name: "run", priority: 1 },
"""


class Portable(Plugin):
    """Makes the exported bundle follow the address in the browser's location bar, and come in few files."""

    @override
    def pre_compile(self, **context: Any) -> None:
        context["add_modify_task"]("vite.config.js", _gather_chunks)

    @override
    def post_build(self, **context: Any) -> None:
        static = Path(context["static_dir"])
        _follow_location(static)
        (static.parent / CSP_FILE).write_text(json.dumps(_inline_hashes(static)))
        (static.parent / PRELOAD_FILE).write_text(json.dumps(_preloads(static)))


def _gather_chunks(config: str) -> str:
    changed = config.replace("groups: [", f"groups: [{_CHUNKS}", 1)
    if changed == config:
        message = "Reflex's vite.config.js has no chunk groups to add to."
        raise RuntimeError(message)
    return changed.replace('name: "reflex-env"', 'name: "reflex-env", priority: 9', 1)


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


def _preloads(static: Path) -> dict[str, list[str]]:
    """Return, for each page that is not rendered ahead, a pattern of its path and the chunks that it needs."""
    (manifest,) = static.glob("assets/manifest-*.js")
    text = manifest.read_text()
    routes = json.loads(text[text.index("{") : text.rindex("}") + 1])["routes"]
    return {
        "/" + re.sub(r":\w+", "[^/]+", route["path"]): _chunks_of(static, route)
        for route in routes.values()
        if ":" in route.get("path", "")
    }


def _chunks_of(static: Path, route: dict[str, Any]) -> list[str]:
    page = (static / route["module"].lstrip("/")).read_text()
    lazy = [f"/assets/{name}" for _, name in _LAZY.findall(page)]
    return list(dict.fromkeys([route["module"], *route["imports"], *lazy]))
