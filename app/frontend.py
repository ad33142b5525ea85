"""What the build adds to Reflex's: one bundle for any host and port, and lists of what its pages need."""

import base64
import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from reflex_base.plugins import Plugin
from typing_extensions import override

from app.backend.core.built import ANY_ID, CSP_FILE, PRELOAD_FILE

_ID = re.compile(r"\[\w+\]")
_ADDRESS = re.compile(r"""(["'`])(ws|http)s?://[^"'`/]+(/[^"'`]*)?\1""")
_CALLED_ON_LOAD = "//# allFunctionsCalledOnLoad"
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
        found = [page.route for page in context["unevaluated_pages"]]
        with_id = [f"/{_ID.sub(ANY_ID, route)}" for route in found if "[" in route]
        context["add_modify_task"](
            "react-router.config.js",
            functools.partial(_render_ahead, paths=with_id),
        )

    @override
    def post_build(self, **context: Any) -> None:
        static = Path(context["static_dir"])
        _follow_location(static)
        _compile_ahead(static)
        (static.parent / CSP_FILE).write_text(json.dumps(_inline_hashes(static)))
        (static.parent / PRELOAD_FILE).write_text(json.dumps(_preloads(static)))


def _gather_chunks(config: str) -> str:
    changed = config.replace("groups: [", f"groups: [{_CHUNKS}", 1)
    if changed == config:
        message = "Reflex's vite.config.js has no chunk groups to add to."
        raise RuntimeError(message)
    return changed.replace('name: "reflex-env"', 'name: "reflex-env", priority: 9', 1)


def _render_ahead(config: str, *, paths: list[str]) -> str:
    """Render pages with an id too, as they are before their first data: React then finds them, and builds none anew."""
    changed = config.replace(
        '"prerender": true',
        f'"prerender": ({{ getStaticPaths }}) => [...getStaticPaths(), ...{json.dumps(paths)}]',
        1,
    )
    if changed == config:
        message = "Reflex's react-router.config.js renders no pages ahead."
        raise RuntimeError(message)
    return changed


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


def _compile_ahead(static: Path) -> None:
    """Let browsers compile scripts on another thread while they load, and not each function when it is first called.

    Source: the explicit compile hints of V8, which Chromium heeds from version 136 on; for others it is a comment.
    """
    for chunk in static.glob("assets/*.js"):
        chunk.write_text(f"{_CALLED_ON_LOAD}\n{chunk.read_text()}")


def _inline_hashes(static: Path) -> list[str]:
    hashes = {
        "sha256-" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        for page in static.rglob("*.html")
        for body in _INLINE.findall(page.read_text())
    }
    return sorted(hashes)


def _preloads(static: Path) -> dict[str, list[str]]:
    """Return, for each page, the chunks that its HTML does not name: those that it loads when it runs."""
    (manifest,) = static.glob("assets/manifest-*.js")
    text = manifest.read_text()
    routes = json.loads(text[text.index("{") : text.rindex("}") + 1])["routes"]
    lists = {
        "/" + re.sub(r":\w+", ANY_ID, route["path"]): _chunks_of(static, route)
        for route in routes.values()
        if "path" in route
    }
    return {page: chunks for page, chunks in lists.items() if chunks}


def _chunks_of(static: Path, route: dict[str, Any]) -> list[str]:
    page = (static / route["module"].lstrip("/")).read_text()
    lazy = [f"/assets/{name}" for _, name in _LAZY.findall(page)]
    return [name for name in dict.fromkeys(lazy) if name not in route["imports"]]
