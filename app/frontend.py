"""What the build adds to Reflex's: one bundle for any host and port, and lists of what its pages need."""

import base64
import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from reflex_base.constants import CompileVars, Reflex
from reflex_base.plugins import Plugin
from typing_extensions import override

from app import routes
from app.backend.core.built import ANY_ID, CSP_FILE, PRELOAD_FILE

_ID = re.compile(r"\[\w+\]")
_ADDRESS = re.compile(r"""(["'`])(ws|http)s?://[^"'`/]+(/[^"'`]*)?\1""")
_PARAMETER = re.compile(r":\w+")
_CONSTANT = re.compile(r"^export const (\w+) = (.+)$", re.MULTILINE)
_FIRST_DATA = Path(__file__).with_name("first_data.js")
_SCRIPT_END = "</script>"
_ANY_OTHER = "/*"
# The page that always opens a log: its feed is asked for ahead too.
_AT_A_LOG = _ID.sub(ANY_ID, routes.RUN)
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
        _ask_ahead(static)
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


def _ask_ahead(static: Path) -> None:
    """Let each page ask for its first data at once, and not when its scripts have run."""
    (compiled,) = static.parent.parent.glob("utils/context.jsx")
    told = _said_first(compiled.read_text())
    script = _FIRST_DATA.read_text().replace("FIRST_DATA", json.dumps(told))
    for path, route in _pages(static).items():
        if path == _ANY_OTHER:
            continue
        log = " data-log" if path == _AT_A_LOG else ""
        element = f'<script data-route="/{route["path"]}"{log}>{script}</script>'
        files = {static / f"{path[1:]}.html", static / path[1:] / "index.html"}
        if not (rendered := [file for file in files if file.exists()]):
            message = f"The page {path} is not rendered ahead."
            raise RuntimeError(message)
        for file in rendered:
            _add_script(file, element)


def _add_script(file: Path, element: str) -> None:
    # After the script that React expects first in the head; what else it finds there it leaves alone.
    before, end, after = file.read_text().partition(_SCRIPT_END)
    if not end:
        message = f"{file.name} has no script in its head."
        raise RuntimeError(message)
    file.write_text(before + end + element + after)


def _said_first(compiled: str) -> dict[str, Any]:
    """Return what Reflex's client says first on its socket, from what Reflex compiled."""
    constants = dict(_CONSTANT.findall(compiled))
    try:
        state, hashes, schema = (
            json.loads(constants[name])
            for name in ("state_name", "initialStateHashes", "stateSchema")
        )
    except (KeyError, ValueError) as error:
        message = f"Reflex's context.jsx says nothing of the state: {error}."
        raise RuntimeError(message) from error
    return {
        "name": f"{state}.{CompileVars.HYDRATE_AND_LOAD}",
        "hashes": hashes,
        "state_schema": schema,
        "version": Reflex.VERSION,
    }


def _inline_hashes(static: Path) -> list[str]:
    hashes = {
        "sha256-" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        for page in static.rglob("*.html")
        for body in _INLINE.findall(page.read_text())
    }
    return sorted(hashes)


def _preloads(static: Path) -> dict[str, list[str]]:
    """Return, for each page, the chunks that its HTML does not name: those that it loads when it runs."""
    lists = {page: _chunks_of(static, route) for page, route in _pages(static).items()}
    return {page: chunks for page, chunks in lists.items() if chunks}


def _pages(static: Path) -> dict[str, dict[str, Any]]:
    """Return what React Router knows of each page, by the path under which it is rendered ahead."""
    (manifest,) = static.glob("assets/manifest-*.js")
    text = manifest.read_text()
    routes = json.loads(text[text.index("{") : text.rindex("}") + 1])["routes"]
    return {
        "/" + _PARAMETER.sub(ANY_ID, route["path"]): route
        for route in routes.values()
        if "path" in route
    }


def _chunks_of(static: Path, route: dict[str, Any]) -> list[str]:
    page = (static / route["module"].lstrip("/")).read_text()
    lazy = [f"/assets/{name}" for _, name in _LAZY.findall(page)]
    return [name for name in dict.fromkeys(lazy) if name not in route["imports"]]
