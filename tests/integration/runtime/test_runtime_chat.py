"""`local/<model>` as agents use it: through the runtime, which may be busy, dead, or on its way back."""

import asyncio
import signal
from typing import Any

import pytest

from app.backend.bootstrap import Services
from app.backend.core.settings import Settings
from app.backend.models.catalog import make_catalog
from app.backend.providers.base import notice_of
from app.backend.providers.errors import ContextOverflow, ModelUnavailable, RuntimeLost
from tests.integration.runtime.conftest import WaitForQueue
from tests.parts import find_processes
from tests.processes import Fork, ForkServer

MODEL = "local/smollm2-135m"
QUESTION = [("system", "You are helpful."), ("user", "What is the capital of France?")]
STORY = [("user", "Write a very long story.")]


def text_of(chunks: list[Any]) -> str:
    return "".join(chunk.text for chunk in chunks)


async def test_answer_tells_of_loading_and_usage(
    services: Services, own_runtime: Fork
) -> None:
    del own_runtime
    chunks = [
        chunk
        async for chunk in services.models.get(MODEL, max_tokens=20).astream(QUESTION)
    ]

    assert "Paris" in text_of(chunks)
    assert [
        chunk.usage_metadata["output_tokens"]
        for chunk in chunks
        if chunk.usage_metadata
    ] == [sum(bool(chunk.text) for chunk in chunks)]


async def test_second_question_hears_its_position(
    services: Services, own_runtime: Fork
) -> None:
    del own_runtime
    model = services.models.get(MODEL, max_tokens=5)

    async def notices() -> list[int]:
        found = [notice_of(chunk) async for chunk in model.astream(QUESTION)]
        return [
            notice.position for notice in found if notice and notice.type == "queued"
        ]

    assert sorted(await asyncio.gather(notices(), notices())) == [[], [1]]


async def test_prompt_beyond_the_window_keeps_the_runtime_s_words(
    services: Services, own_runtime: Fork
) -> None:
    del own_runtime
    model = services.models.get(MODEL)

    with pytest.raises(ContextOverflow, match=r"2048 tokens.*Shorten the question"):
        await model.ainvoke("fox " * 3000)


async def test_task_that_is_cancelled_frees_the_model(
    services: Services, own_runtime: Fork, wait_for_queue: WaitForQueue
) -> None:
    del own_runtime
    model = services.models.get(MODEL, max_tokens=1500)
    has_begun = asyncio.Event()

    async def listen() -> None:
        async for chunk in model.astream(STORY):
            if chunk.text:
                has_begun.set()

    task = asyncio.create_task(listen())
    await has_begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await wait_for_queue(0)


async def test_crash_of_the_native_library_is_explained_and_the_next_question_works(
    services: Services, own_runtime: Fork
) -> None:
    model = services.models.get(MODEL, max_tokens=1500)

    async def crash() -> None:
        async for chunk in model.astream(STORY):
            if chunk.text:
                for child in find_processes("local_child", below=own_runtime.pid):
                    child.send_signal(signal.SIGSEGV)

    with pytest.raises(ModelUnavailable, match="SIGSEGV"):
        await crash()

    assert own_runtime.is_running()
    assert (
        "Paris"
        in (await services.models.get(MODEL, max_tokens=20).ainvoke(QUESTION)).text
    )


async def test_runtime_killed_in_the_middle_is_explained(
    services: Services, settings: Settings, fork_server: ForkServer, own_runtime: Fork
) -> None:
    model = services.models.get(MODEL, max_tokens=1500)

    async def listen() -> None:
        async for chunk in model.astream(STORY):
            if chunk.text:
                own_runtime.kill()

    with pytest.raises(RuntimeLost, match="started again by itself"):
        await listen()

    restart(own_runtime, await asyncio.to_thread(fork_server.start_runtime, settings))


async def test_question_asked_while_the_runtime_is_away_is_answered_when_it_is_back(
    services: Services, settings: Settings, fork_server: ForkServer, own_runtime: Fork
) -> None:
    own_runtime.kill()
    model = services.models.get(MODEL, max_tokens=20)
    chunks: list[Any] = []

    async def ask() -> None:
        chunks.extend([chunk async for chunk in model.astream(QUESTION)])

    task = asyncio.create_task(ask())
    restart(own_runtime, await asyncio.to_thread(fork_server.start_runtime, settings))
    await task

    assert "Paris" in text_of(chunks)
    types = [notice.type for notice in map(notice_of, chunks) if notice]
    assert types == ["reconnecting", "loading", "loaded"]


async def test_runtime_that_stays_away_is_an_error(services: Services) -> None:
    away = services.settings.model_copy(update={"runtime_url": "http://127.0.0.1:1"})
    catalog = make_catalog(away, runtime_token="t")
    model = catalog.get(MODEL).model_copy(update={"reconnect_seconds": 0.1})

    with pytest.raises(RuntimeLost, match="atelier doctor"):
        await model.ainvoke(QUESTION)
    await catalog.close()


def restart(old: Fork, new: Fork) -> None:
    # The fixture stops the runtime of the package: it must be the new one.
    old.pid, old.log = new.pid, new.log
