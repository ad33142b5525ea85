"""What our build plugin does to Reflex's output."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.frontend import Portable

MANIFEST = {
    "routes": {
        "runs": {"path": "runs", "module": "/assets/runs.js", "imports": []},
        "run": {
            "path": "runs/:run_ref",
            "module": "/assets/run.js",
            "imports": ["/assets/react.js"],
        },
        "root": {"module": "/assets/root.js", "imports": []},
    }
}


def _build(tmp_path: Path, env: str) -> Path:
    static = tmp_path / "client"
    (static / "assets").mkdir(parents=True)
    (static / "assets" / "reflex-env-1.js").write_text(env)
    (static / "assets" / "run.js").write_text("import(`./log.js`)")
    (static / "assets" / "manifest-1.js").write_text(f"x={json.dumps(MANIFEST)};")
    (static / "index.html").write_text(
        '<script>a()</script><script src="/x.js"></script>'
    )
    return static


def test_bundle_follows_the_address_bar(tmp_path: Path) -> None:
    static = _build(
        tmp_path,
        'x={PING:"http://localhost:8000/ping",EVENT:`ws://localhost:8000/_event`}',
    )

    Portable().post_build(static_dir=static)

    text = (static / "assets" / "reflex-env-1.js").read_text()
    assert 'PING:(location.origin+"/ping")' in text
    assert 'location.origin.replace(/^http/,"ws")+"/_event"' in text
    assert "localhost" not in text


def test_inline_scripts_are_listed_by_hash(tmp_path: Path) -> None:
    static = _build(tmp_path, '"http://localhost:8000/ping"')

    Portable().post_build(static_dir=static)

    (only,) = json.loads((tmp_path / "csp.json").read_text())
    assert only.startswith("sha256-")


def test_chunks_of_pages_that_are_not_rendered_ahead_are_listed(
    tmp_path: Path,
) -> None:
    static = _build(tmp_path, '"http://localhost:8000/ping"')

    Portable().post_build(static_dir=static)

    assert json.loads((tmp_path / "preload.json").read_text()) == {
        "/runs/[^/]+": ["/assets/run.js", "/assets/react.js", "/assets/log.js"]
    }


def test_build_without_an_address_fails(tmp_path: Path) -> None:
    static = _build(tmp_path, "x={}")

    with pytest.raises(RuntimeError, match="No back-end address"):
        Portable().post_build(static_dir=static)


def test_chunks_are_gathered() -> None:
    changes: dict[str, Any] = {}

    Portable().pre_compile(add_modify_task=changes.__setitem__)

    change = changes["vite.config.js"]
    assert 'name: "frame"' in change('groups: [\n{ name: "reflex-env" }]')
    with pytest.raises(RuntimeError, match="no chunk groups"):
        change("{}")
