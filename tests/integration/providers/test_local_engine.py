"""The local model answers one at a time, in order, and survives its own crashes."""

import asyncio
import os
import signal
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from app.backend.core.repeats import repeated_size
from app.backend.providers.errors import ContextOverflow, ModelCrashed, ModelUnavailable
from app.backend.providers.local_chat import (
    ChatRequest,
    Done,
    Loading,
    Piece,
    Queued,
    Text,
)
from app.backend.providers.local_engine import LocalEngine
from tests.parts import find_processes, wait_until

LONG = "Write a long story about a fox."


def ask(question: str, **options: object) -> ChatRequest:
    system = {"role": "system", "content": "You are helpful."}
    return ChatRequest([system, {"role": "user", "content": question}], **options)  # pyright: ignore[reportArgumentType]


async def collect(engine: LocalEngine, request: ChatRequest) -> list[Piece]:
    return [piece async for piece in engine.chat(request)]


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Text))


def child_of_this_process() -> psutil.Process:
    return find_processes("local_child", below=os.getpid())[0]


async def test_first_question_loads_the_model_and_says_so(engine: LocalEngine) -> None:
    pieces = await collect(engine, ask("What is the capital of France?"))

    assert [piece.is_done for piece in pieces if isinstance(piece, Loading)] == [
        False,
        True,
    ]
    assert "Paris" in text_of(pieces)
    done = pieces[-1]
    assert isinstance(done, Done)
    assert (done.reason, done.tokens_out) == (
        "stop",
        sum(isinstance(piece, Text) for piece in pieces),
    )
    assert 20 < done.tokens_in < 40


async def test_same_question_gives_the_same_answer(engine: LocalEngine) -> None:
    first = await collect(engine, ask("Name a colour.", max_tokens=12))
    second = await collect(engine, ask("Name a colour.", max_tokens=12))

    assert text_of(first) == text_of(second)
    assert not [piece for piece in second if isinstance(piece, Loading)]


async def test_questions_wait_in_line_and_hear_their_position(
    engine: LocalEngine,
) -> None:
    answers = await asyncio.gather(
        *(
            collect(engine, ask(f"Say {word}.", max_tokens=3))
            for word in ("one", "two", "three")
        )
    )

    positions = [
        [piece.position for piece in pieces if isinstance(piece, Queued)]
        for pieces in answers
    ]
    assert positions == [[], [1], [2, 1]]
    assert all(isinstance(pieces[-1], Done) for pieces in answers)


async def test_answer_ends_at_its_limit(engine: LocalEngine) -> None:
    done = (await collect(engine, ask(LONG, max_tokens=5)))[-1]

    assert isinstance(done, Done)
    assert (done.reason, done.tokens_out) == ("length", 5)


async def test_answer_ends_at_a_stop_text_and_does_not_show_it(
    engine: LocalEngine,
) -> None:
    whole = text_of(await collect(engine, ask("What is the capital of France?")))
    stop = whole[-12:-6]

    pieces = await collect(engine, ask("What is the capital of France?", stop=[stop]))

    assert text_of(pieces) == whole.split(stop, 1)[0]


async def test_answer_that_says_the_same_again_and_again_ends(
    engine: LocalEngine,
) -> None:
    asked = ask("Repeat forever: la la la la la la la", max_tokens=300)

    pieces = await collect(engine, asked)

    done = pieces[-1]
    assert isinstance(done, Done)
    assert repeated_size(text_of(pieces))
    assert done.reason == "stop"
    assert done.tokens_out < 150


async def test_answer_ends_where_the_window_does(engine: LocalEngine) -> None:
    done = (await collect(engine, ask(f"{LONG} {'fox ' * 400}", max_tokens=400)))[-1]

    assert isinstance(done, Done)
    assert done.reason in ("length", "stop")
    assert done.tokens_in + done.tokens_out <= engine.context


async def test_prompt_beyond_the_window_is_an_error(engine: LocalEngine) -> None:
    with pytest.raises(ContextOverflow, match="512 tokens"):
        await collect(engine, ask("fox " * 600))

    assert text_of(await collect(engine, ask("Say hello.", max_tokens=5)))


async def test_closed_generation_frees_the_model_at_once(engine: LocalEngine) -> None:
    async with aclosing(engine.chat(ask(LONG, max_tokens=400))) as pieces:
        async for piece in pieces:
            if isinstance(piece, Text) and piece.tokens > 3:
                break
    began = asyncio.get_running_loop().time()
    await collect(engine, ask("Say hello.", max_tokens=1))

    assert engine.queue_length == 0
    assert asyncio.get_running_loop().time() - began < 2


async def test_question_that_left_the_line_is_never_answered(
    engine: LocalEngine,
) -> None:
    first = asyncio.create_task(collect(engine, ask(LONG, max_tokens=20)))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(collect(engine, ask(LONG, max_tokens=400)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    await first
    assert engine.queue_length == 0


async def test_crash_in_the_middle_is_an_error_and_the_next_question_works(
    engine: LocalEngine,
) -> None:
    async def crash() -> None:
        async for piece in engine.chat(ask(LONG, max_tokens=400)):
            if isinstance(piece, Text) and piece.tokens == 3:
                child_of_this_process().send_signal(signal.SIGSEGV)

    with pytest.raises(ModelCrashed, match="SIGSEGV"):
        await crash()

    assert "Paris" in text_of(
        await collect(engine, ask("What is the capital of France?"))
    )


async def test_crash_before_the_first_token_is_tried_again(engine: LocalEngine) -> None:
    pieces: list[Piece] = []
    async for piece in engine.chat(ask("What is the capital of France?")):
        if isinstance(piece, Loading) and piece.is_done and not pieces:
            child_of_this_process().kill()
        if isinstance(piece, Loading) and not piece.is_done:
            continue
        pieces.append(piece)

    assert "Paris" in text_of(pieces)


async def test_idle_model_leaves_memory(model_path: Path) -> None:
    engine = LocalEngine(model_path, context=512, threads=1, idle_seconds=0.1)
    await collect(engine, ask("Say hello.", max_tokens=1))
    child = child_of_this_process()

    await asyncio.to_thread(
        wait_until,
        lambda: not child.is_running(),
        seconds=5,
        what="The model is unloaded",
    )

    assert not engine.is_loaded
    await engine.close()


async def test_file_that_is_no_model_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "notes.gguf"
    path.write_text("not a model")
    engine = LocalEngine(path, context=512, threads=1, idle_seconds=30)

    with pytest.raises(
        ModelUnavailable, match=r"is not a GGUF file.*ATELIER_LOCAL_MODEL_PATH"
    ):
        await collect(engine, ask("Hi"))

    await engine.close()
