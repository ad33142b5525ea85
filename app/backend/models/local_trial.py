"""Loads a model file as the runtime does, and measures how fast it answers here."""

import asyncio
from pathlib import Path

from app.backend.core import clock
from app.backend.core.errors import AppError
from app.backend.core.settings import Settings
from app.backend.models.local import find_path, open_shelf
from app.backend.providers import gguf
from app.backend.providers.local_chat import ChatRequest, Text
from app.backend.providers.local_process import ModelProcess

_TOKENS = 48
_QUESTION = [{"role": "user", "content": "Count from one to fifty in words."}]
NEWER = "{complaint} GPT4All has a llama.cpp of 2024, which does not know newer architectures{example}: serve the file with `llama-server -m {path.name}`, and connect that as a provider of the type llama.cpp server."


async def measure(
    path: Path, *, architecture: str, context: int, threads: int
) -> tuple[float | None, str]:
    """Return the tokens a second that the model writes here, and why it cannot be loaded; empty when it can."""
    process = await ModelProcess.start(path, context=context, threads=threads)
    try:
        await process.wait_until_ready()
        return await _speed(process), ""
    # Why it cannot be loaded is what is asked for.
    except AppError as error:  # lint-skip: edge-catch
        complaint, _, _ = error.message.partition(" Set ATELIER_")
        example = f" ({architecture} may be one)" if architecture else ""
        reason = NEWER.format(complaint=complaint, example=example, path=path)
        return None, reason
    finally:
        await process.stop()


async def try_out(settings: Settings, name: str) -> None:
    """Measure a model of this machine, and keep what came out.

    Raises:
        NotFound: there is none of that name.
        BeingMeasured: another one is measured; one at a time has the machine for itself.
    """
    shelf, path = open_shelf(settings), find_path(settings, name)
    try:
        known = await asyncio.to_thread(gguf.read, path)
    except (OSError, gguf.NotGguf) as error:
        reason = f"{str(path)!r} cannot be read ({error}). Take the model out, and add the file from where it is now."
        shelf.note_trial(name, tokens_per_second=None, reason=reason)
        return
    with shelf.measuring():
        speed, reason = await measure(
            path,
            architecture=known.architecture,
            context=settings.local_model_context,
            threads=settings.local_model_threads,
        )
    shelf.note_trial(name, tokens_per_second=speed, reason=reason)


async def _speed(process: ModelProcess) -> float | None:
    request = ChatRequest(messages=_QUESTION, max_tokens=_TOKENS)
    first, last, tokens = 0.0, 0.0, 0
    async for piece in process.answer(1, request):
        if isinstance(piece, Text):
            last = clock.monotonic()
            first, tokens = first or last, piece.tokens
    return round((tokens - 1) / (last - first), 1) if last > first else None
