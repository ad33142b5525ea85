"""What our build plugin does to Reflex's output."""

import json
from pathlib import Path
from types import SimpleNamespace
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

CONTEXT = """
export const initialState = {}
export const initialStateHashes = ["aa", "bb"]
export const stateSchema = "cc"
export const state_name = "root"
"""


def _build(tmp_path: Path, env: str) -> Path:
    static = tmp_path / "build" / "client"
    (static / "assets").mkdir(parents=True)
    (tmp_path / "utils").mkdir()
    (tmp_path / "utils" / "context.jsx").write_text(CONTEXT)
    (static / "assets" / "reflex-env-1.js").write_text(env)
    (static / "assets" / "run.js").write_text("import(`./log.js`);import(`./react.js`)")
    (static / "assets" / "runs.js").write_text("")
    (static / "assets" / "manifest-1.js").write_text(f"x={json.dumps(MANIFEST)};")
    for page in ("runs.html", "runs/_.html"):
        (static / page).parent.mkdir(exist_ok=True)
        (static / page).write_text(
            '<script>theme()</script><script src="/x.js"></script>'
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

    # The theme, what asks ahead, and the same for a page with a log: the text of both is one.
    hashes = json.loads((static.parent / "csp.json").read_text())
    assert len(hashes) == 2
    assert all(one.startswith("sha256-") for one in hashes)


def test_chunks_that_a_page_loads_when_it_runs_are_listed(tmp_path: Path) -> None:
    static = _build(tmp_path, '"http://localhost:8000/ping"')

    Portable().post_build(static_dir=static)

    assert json.loads((static.parent / "preload.json").read_text()) == {
        "/runs/_": ["/assets/log.js"]
    }


def test_every_script_is_compiled_while_it_loads(tmp_path: Path) -> None:
    static = _build(tmp_path, '"http://localhost:8000/ping"')

    Portable().post_build(static_dir=static)

    first = {
        script.read_text().partition("\n")[0]
        for script in (static / "assets").glob("*.js")
    }
    # The hint counts only as the first line.
    assert first == {"//# allFunctionsCalledOnLoad"}


def test_pages_ask_ahead_for_what_their_client_will_ask(tmp_path: Path) -> None:
    static = _build(tmp_path, '"http://localhost:8000/ping"')

    Portable().post_build(static_dir=static)

    for page, opening in (
        ("runs.html", '<script data-route="/runs">'),
        ("runs/_.html", '<script data-route="/runs/:run_ref" data-log>'),
    ):
        before, script, after = (static / page).read_text().partition(opening)
        assert before == "<script>theme()</script>"
        assert script
        assert (
            '"root.hydrate_and_load", "hashes": ["aa", "bb"], "state_schema": "cc"'
            in after
        )
        assert after.endswith('</script><script src="/x.js"></script>')


@pytest.mark.parametrize(
    ("page", "text", "complaint"),
    [("runs.html", None, "not rendered ahead"), ("runs/_.html", "<html>", "no script")],
)
def test_build_in_which_a_page_could_not_ask_fails(
    tmp_path: Path, page: str, text: str | None, complaint: str
) -> None:
    static = _build(tmp_path, '"http://localhost:8000/ping"')
    if text is None:
        (static / page).unlink()
    else:
        (static / page).write_text(text)

    with pytest.raises(RuntimeError, match=complaint):
        Portable().post_build(static_dir=static)


def test_build_that_knows_no_state_fails(tmp_path: Path) -> None:
    static = _build(tmp_path, '"http://localhost:8000/ping"')
    (tmp_path / "utils" / "context.jsx").write_text(
        "export const state_name = undefined"
    )

    with pytest.raises(RuntimeError, match=r"says nothing of"):
        Portable().post_build(static_dir=static)


def test_build_without_an_address_fails(tmp_path: Path) -> None:
    static = _build(tmp_path, "x={}")

    with pytest.raises(RuntimeError, match="No back-end address"):
        Portable().post_build(static_dir=static)


def _changes(*paths: str) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    pages = [SimpleNamespace(route=path) for path in paths]
    Portable().pre_compile(add_modify_task=changes.__setitem__, unevaluated_pages=pages)
    return changes


def test_chunks_are_gathered() -> None:
    change = _changes()["vite.config.js"]

    assert 'name: "frame"' in change('groups: [\n{ name: "reflex-env" }]')
    with pytest.raises(RuntimeError, match="no chunk groups"):
        change("{}")


def test_pages_with_an_id_are_rendered_ahead_too() -> None:
    change = _changes("runs", "agents/[agent_ref]/edit")["react-router.config.js"]

    assert '[...getStaticPaths(), ...["/agents/_/edit"]]' in change(
        '{"ssr": false, "prerender": true}'
    )
    with pytest.raises(RuntimeError, match="no pages ahead"):
        change('{"ssr": false}')
