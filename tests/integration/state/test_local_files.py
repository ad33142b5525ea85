"""Model files on the page of models."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.backend.bootstrap import Services
from app.backend.models import local, shelf
from app.backend.models.download import hash_file
from app.state import edge
from app.state.local_files import LocalFilesState
from tests.factories.model_files import NAME, copy_model
from tests.states import make_state


def _page(services: Services, cookie: str, **held: Any) -> LocalFilesState:
    edge.install(services)
    return make_state(LocalFilesState, path="/models", cookie=cookie, **held)


async def test_page_adds_a_file_and_takes_it_out(
    services: Services, cookie: str, tmp_path: Path
) -> None:
    file = copy_model(services.settings, tmp_path)
    state = _page(services, cookie, is_open=True)
    await LocalFilesState.add.fn(state, {"source": "nowhere.gguf"})
    assert "is not a file" in state.errors["source"]
    await LocalFilesState.add.fn(state, {"source": str(file), "sha256": "0" * 64})
    assert "Nothing was kept" in state.errors["sha256"]

    answer = await LocalFilesState.add.fn(state, {"source": str(file)})

    assert f"local/{NAME} can be used, with" in str(answer)
    assert (state.is_open, state.status, state.errors) == (False, "", {})
    shelf = local.open_shelf(services.settings)
    assert [one.name for one in shelf.list()] == [NAME]
    await LocalFilesState.ask_delete.fn(state, f"local/{NAME}", "")
    await LocalFilesState.delete.fn(state)
    assert shelf.list() == []


async def test_page_adds_one_file_at_a_time(
    services: Services, cookie: str, tmp_path: Path
) -> None:
    file = copy_model(services.settings, tmp_path)
    state = _page(services, cookie, is_open=True)
    first = asyncio.create_task(LocalFilesState.add.fn(state, {"source": str(file)}))
    while not state.status:  # noqa: ASYNC110 - a state tells nobody
        await asyncio.sleep(0)
    answer = await LocalFilesState.add.fn(state, {"source": str(file)})
    await LocalFilesState.load.fn(state)
    goes_on = state.status
    await LocalFilesState.stop.fn(state)
    await first

    assert "Wait for its end" in str(answer)
    assert goes_on
    assert local.open_shelf(services.settings).list() == []


async def test_page_forgets_what_ended_with_its_process(
    services: Services, cookie: str
) -> None:
    state = _page(services, cookie, status="Fetching", percent=40, can_stop=True)

    await LocalFilesState.load.fn(state)

    assert (state.status, state.percent, state.can_stop) == ("", 0, False)


async def test_page_keeps_nothing_of_a_file_that_was_stopped_while_it_was_read(
    services: Services, cookie: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = _page(services, cookie, is_open=True)

    def stop_and_hash(path: Path, *rest: Any) -> str:
        state.can_stop = False
        return hash_file(path, *rest)

    monkeypatch.setattr(shelf, "hash_file", stop_and_hash)
    file = copy_model(services.settings, tmp_path)

    answer = await LocalFilesState.add.fn(state, {"source": str(file)})

    assert "Nothing of the file is kept" in str(answer)
    assert local.open_shelf(services.settings).list() == []
