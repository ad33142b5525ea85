"""The local chat model as a queue: one answer at a time, in the order of asking."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import structlog

from app.backend.core.errors import AppError
from app.backend.providers.errors import (
    ContextOverflow,
    ModelBusy,
    ModelCrashed,
    ModelUnavailable,
)
from app.backend.providers.local_chat import (
    ChatRequest,
    Done,
    Loading,
    Piece,
    Queued,
    Text,
)
from app.backend.providers.local_process import ModelProcess

logger = structlog.get_logger(__name__)

# Reading a long prompt lets a stop in between its steps only; a process that does not is ended.
_CANCEL_SECONDS_MAX = 5.0
_QUEUE_MAX = 100


@dataclass(eq=False)
class _Turn:
    request: ChatRequest
    id: int
    pieces: asyncio.Queue[Piece | AppError] = field(
        default_factory=asyncio.Queue[Piece | AppError]
    )
    position: int = 0
    has_text: bool = False
    is_abandoned: bool = False


class LocalEngine:
    """Runs one model file at a time in a child process that is started on first use and ended when idle.

    A question to another file than the one in memory ends that process and starts another one.
    """

    def __init__(
        self, path: Path, *, context: int, threads: int, idle_seconds: float
    ) -> None:
        self.path = path
        self.context = context
        self._threads = threads
        self._idle_seconds = idle_seconds
        self._ids = count(1)
        self._line: deque[_Turn] = deque()
        self._active: _Turn | None = None
        self._arrived = asyncio.Event()
        self._child: ModelProcess | None = None
        self._loaded_path = path
        self._worker: asyncio.Task[None] | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._child is not None

    @property
    def queue_length(self) -> int:
        """How many requests wait or are answered."""
        return len(self._line) + (self._active is not None)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        """Yield the answer as it comes; closing the generator ends the work on it.

        Raises:
            ContextOverflow: the prompt is longer than the window.
            ModelBusy: too many wait already.
            ModelCrashed: the native library died in the middle of the answer.
            ModelUnavailable: the model cannot be loaded.
        """
        if self.queue_length >= _QUEUE_MAX:
            message = f"{_QUEUE_MAX} questions wait for the local model already. Try again later, or connect a faster model."
            raise ModelBusy(message)
        turn = _Turn(request, next(self._ids))
        self._join(turn)
        try:
            while True:
                piece = await turn.pieces.get()
                if isinstance(piece, AppError):
                    raise piece
                yield piece
                if isinstance(piece, Done):
                    return
        finally:
            self._abandon(turn)

    async def close(self) -> None:
        """End the child process and all waiting."""
        if self._worker is not None:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker
        await self._unload()

    def _join(self, turn: _Turn) -> None:
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(), name="local-engine")
        self._line.append(turn)
        self._announce()
        self._arrived.set()

    def _abandon(self, turn: _Turn) -> None:
        # Never waits: it runs while the caller is being cancelled.
        turn.is_abandoned = True
        if turn in self._line:
            self._line.remove(turn)
            self._announce()
        elif turn is self._active and self._child is not None:
            child = self._child
            child.cancel(turn.id)
            asyncio.get_running_loop().call_later(
                _CANCEL_SECONDS_MAX,
                lambda: child.kill() if self._active is turn else None,
            )

    def _announce(self) -> None:
        before = self._active is not None
        for position, turn in enumerate(self._line, start=before):
            if position != turn.position:
                turn.position = position
                turn.pieces.put_nowait(Queued(position))

    async def _work(self) -> None:
        while True:
            if not self._line and not await self._wait():
                await self._unload()
                await self._arrived.wait()
            self._arrived.clear()
            if not self._line:
                continue
            self._active = self._line.popleft()
            self._announce()
            try:
                await self._answer(self._active)
            except (ContextOverflow, ModelCrashed, ModelUnavailable) as error:
                self._active.pieces.put_nowait(error)
            except Exception:
                logger.exception("local_engine_failed")
                self._active.pieces.put_nowait(ModelCrashed("an internal error"))
                await self._unload()
            finally:
                self._active = None

    async def _wait(self) -> bool:
        try:
            async with asyncio.timeout(self._idle_seconds):
                await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    async def _answer(self, turn: _Turn) -> None:
        for is_last in (False, True):
            try:
                await self._answer_once(turn)
            except ModelCrashed as error:
                await self._unload()
                if turn.is_abandoned:
                    return
                if turn.has_text or is_last:
                    raise
                logger.warning(
                    "local_model_crashed", reason=error.message, is_retried=True
                )
            else:
                return

    async def _answer_once(self, turn: _Turn) -> None:
        child = await self._loaded(turn)
        if turn.is_abandoned:
            return
        async for piece in child.answer(turn.id, turn.request):
            turn.has_text = turn.has_text or isinstance(piece, Text)
            turn.pieces.put_nowait(piece)

    async def _loaded(self, turn: _Turn) -> ModelProcess:
        path = turn.request.path or self.path
        if path != self._loaded_path:
            await self._unload()
        if self._child is None:
            turn.pieces.put_nowait(Loading())
            self._loaded_path = path
            self._child = child = await ModelProcess.start(
                path, context=self.context, threads=self._threads
            )
            try:
                milliseconds = await child.wait_until_ready()
            except AppError:
                await self._unload()
                raise
            logger.info(
                "local_model_loaded",
                path=path.name,
                milliseconds=round(milliseconds),
            )
            turn.pieces.put_nowait(Loading(is_done=True, milliseconds=milliseconds))
        return self._child

    async def _unload(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.stop()
            logger.info("local_model_unloaded")
