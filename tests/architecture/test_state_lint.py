"""The rules of our own linter: each finds what it is for, and the code keeps them all."""

from textwrap import dedent

import pytest

from scripts.lint_states.source import Source
from scripts.state_lint import lint
from tests.architecture.repository import ROOT, python_files

STATE = "import reflex as rx\n\nclass RunState(rx.State):\n"
OWNED = "class RunRow(OwnedRow, table=True):\n    name: str\n"


def _codes(text: str, path: str = "app/state/run.py") -> list[str]:
    owned = Source("app/backend/runs/tables.py", OWNED)
    return [found.code for found in lint([owned, Source(path, text)])]


def _state(body: str) -> str:
    return STATE + "\n".join(f"    {line}" for line in dedent(body).splitlines())


def _backend(text: str, path: str = "app/backend/runs/service.py") -> list[str]:
    return _codes(dedent(text), path)


def test_product_keeps_every_rule() -> None:
    sources = [Source.read(path, ROOT) for path in python_files("app")]

    assert [str(finding) for finding in lint(sources)] == []


def test_state_with_too_many_vars_is_found() -> None:
    body = "\n".join(f"var_{number}: int = 0" for number in range(16))

    assert _codes(_state(body)) == ["state-size"]


def test_public_method_that_is_no_event_is_found() -> None:
    assert _codes(_state("def load(self): ...")) == ["state-public"]


def test_private_method_is_fine() -> None:
    assert _codes(_state("def _load(self): ...")) == []


@pytest.mark.parametrize(
    "decorators",
    ["@rx.event", "@requires(Permission.VIEW_RUN)\n@rx.event"],
    ids=["none", "above"],
)
def test_event_without_guard_below_it_is_found(decorators: str) -> None:
    assert _codes(_state(f"{decorators}\ndef load(self): ...")) == ["state-guard"]


@pytest.mark.parametrize("guard", ["@requires(Permission.VIEW_RUN)", "@public"])
def test_guarded_event_is_fine(guard: str) -> None:
    assert _codes(_state(f"@rx.event\n{guard}\ndef load(self): ...")) == []


def test_work_inside_the_lock_is_found() -> None:
    body = """
    @rx.event(background=True)
    @public
    async def load(self):
        async with self:
            self.rows = await runs.list_runs()
    """

    assert _codes(_state(body)) == ["state-lock"]


def test_assignment_outside_the_lock_is_found() -> None:
    body = """
    @rx.event(background=True)
    @public
    async def load(self):
        self.rows = await runs.list_runs()
    """

    assert _codes(_state(body)) == ["state-lock"]


def test_three_phases_are_fine() -> None:
    body = """
    @rx.event(background=True)
    @public
    async def load(self):
        async with self:
            other = await self.get_state(Other)
        rows = await runs.list_runs(other.query)
        async with self:
            self.rows = rows
    """

    assert _codes(_state(body)) == []


@pytest.mark.parametrize(
    "annotation", ["RunRow", "list[RunRow]", "set[str]", "AsyncClient", "asyncio.Event"]
)
def test_var_that_no_browser_should_get_is_found(annotation: str) -> None:
    assert _codes(_state(f"held: {annotation}")) == ["state-type"]


@pytest.mark.parametrize("annotation", ["list[RunView]", "rx.Field[str]", "int"])
def test_var_of_views_and_scalars_is_fine(annotation: str) -> None:
    assert _codes(_state(f"held: {annotation}")) == []


@pytest.mark.parametrize("kind", ["AppError", "Exception", "(OSError, Exception)"])
def test_broad_handler_is_found(kind: str) -> None:
    assert _backend(f"""
        try:
            work()
        except {kind}:
            pass
        """) == ["edge-catch"]


def test_loop_that_must_live_is_fine() -> None:
    assert (
        _backend("""
        while True:
            try:
                work()
            except Exception:
                logger.exception("sweep_failed")
        """)
        == []
    )


def test_commit_is_found() -> None:
    assert _backend("async def f(session):\n    await session.commit()") == [
        "service-commit"
    ]


@pytest.mark.parametrize(
    "query",
    [
        "select(RunRow)",
        "delete(RunRow)",
        "select(col(RunRow.id))",
        "session.get(RunRow, 1)",
    ],
)
def test_query_without_an_actor_is_found(query: str) -> None:
    assert _backend(f"def f(session):\n    return {query}") == ["repo-scope"]


@pytest.mark.parametrize("door", ["visible_to", "owned_by"])
def test_query_that_begins_at_a_door_is_fine(door: str) -> None:
    text = f"def f(actor):\n    return {door}(actor, RunRow).where(RunRow.id == 1)"

    assert _backend(text) == []


@pytest.mark.parametrize("call", ["graph.astream({})", "compiled.ainvoke({})"])
def test_graph_run_elsewhere_is_found(call: str) -> None:
    assert _backend(f"async def f():\n    await {call}") == ["run-entry"]


@pytest.mark.parametrize("call", ["model.astream([])", "client.stream('GET', url)"])
def test_model_call_and_http_stream_are_fine(call: str) -> None:
    assert _backend(f"async def f():\n    await {call}") == []


def test_skip_names_the_rule() -> None:
    assert _backend("session.commit()  # lint-skip: service-commit - a test") == []
    assert _backend("# lint-skip: service-commit - a test\nsession.commit()") == []
    assert _backend("session.commit()  # lint-skip: run-entry") == ["service-commit"]
