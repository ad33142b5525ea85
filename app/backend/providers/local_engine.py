"""The local chat model as a queue: one answer at a time, in the order of asking."""

import asyncio
import json
import signal
import sys
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal

import structlog

from app.backend.core.errors import AppError
from app.backend.providers.errors import (
    ContextOverflow,
    ModelBusy,
    ModelCrashed,
    ModelUnavailable,
)

logger = structlog.get_logger(__name__)

_CANCEL_SECONDS_MAX = 1.0
_LINE_BYTES_MAX = 1 << 20
_QUEUE_MAX = 100


@dataclass(frozen=True)
class ChatRequest:
    """What to answer, and how."""

    messages: Sequence[dict[str, str]]
    max_tokens: int = 200
    temperature: float = 0.0
    top_p: float = 0.9
    stop: Sequence[str] = ()


@dataclass(frozen=True)
class Queued:
    """The request waits; `position` counts those before it."""

    position: int


@dataclass(frozen=True)
class Loading:
    """The model is being read into memory: `is_done` when it is there, after `milliseconds`."""

    is_done: bool = False
    milliseconds: float = 0


@dataclass(frozen=True)
class Text:
    """A piece of the answer; `tokens` counts all of the answer's tokens so far."""

    text: str
    tokens: int


@dataclass(frozen=True)
class Done:
    """The answer is whole."""

    reason: Literal["stop", "length", "cancelled"]
    tokens_in: int
    tokens_out: int


Piece = Queued | Loading | Text | Done


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
    """Runs one model file in a child process that is started on first use and ended when idle."""

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
        self._child: _Child | None = None
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
            raise ModelBusy(message, retry_after=30)
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
            except AppError as error:
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
        async for piece in child.answer(turn):
            turn.has_text = turn.has_text or isinstance(piece, Text)
            turn.pieces.put_nowait(piece)

    async def _loaded(self, turn: _Turn) -> "_Child":
        if self._child is None:
            turn.pieces.put_nowait(Loading())
            self._child = child = await _Child.start(
                self.path, context=self.context, threads=self._threads
            )
            try:
                milliseconds = await child.wait_until_ready()
            except AppError:
                await self._unload()
                raise
            logger.info(
                "local_model_loaded",
                path=self.path.name,
                milliseconds=round(milliseconds),
            )
            turn.pieces.put_nowait(Loading(is_done=True, milliseconds=milliseconds))
        return self._child

    async def _unload(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.stop()
            logger.info("local_model_unloaded")


class _Child:
    """The process of `local_child`, and the lines that go to and fro."""

    def __init__(
        self, process: asyncio.subprocess.Process, path: Path, context: int
    ) -> None:
        self._process = process
        self._path = path
        self._context = context
        self._complaints: deque[str] = deque(maxlen=20)
        self._listener = asyncio.create_task(self._listen(), name="local-child-log")

    @classmethod
    async def start(cls, path: Path, *, context: int, threads: int) -> "_Child":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "app.backend.providers.local_child",
            str(path),
            f"--context={context}",
            f"--threads={threads}",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES_MAX,
        )
        return cls(process, path, context)

    async def wait_until_ready(self) -> float:
        try:
            message = await self._receive()
        except ModelCrashed as error:
            raise await self._unloadable(error.message) from error
        if "error" in message:
            raise await self._unloadable(message.get("reason", ""))
        return float(message["milliseconds"])

    async def answer(self, turn: _Turn) -> AsyncGenerator[Piece, None]:
        request = turn.request
        self._send(
            {
                "id": turn.id,
                "messages": list(request.messages),
                "max_tokens": min(request.max_tokens, self._context),
                "temperature": request.temperature,
                "top_p": request.top_p,
                "stop": list(request.stop),
            }
        )
        while True:
            message = await self._receive()
            if "text" in message:
                yield Text(message["text"], message["tokens"])
            elif message.get("error") == "overflow":
                raise ContextOverflow.of(self._context)
            else:
                yield Done(message["done"], message["tokens_in"], message["tokens_out"])
                return

    def cancel(self, turn_id: int) -> None:
        self._send({"cancel": turn_id})

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> None:
        self.kill()
        await self._process.wait()
        self._listener.cancel()

    async def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - we asked for the pipe
        line = await self._process.stdout.readline()
        if not line:
            raise ModelCrashed(await self._reason_of_death())
        return json.loads(line)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - we asked for the pipe
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _reason_of_death(self) -> str:
        code = await self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    async def _listen(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - we asked for the pipe
        async for line in self._process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._complaints.append(text)
            logger.debug("local_model_says", text=text)

    async def _unloadable(self, reason: str) -> ModelUnavailable:
        await self._process.wait()
        await self._listener
        complaint = reason or next(
            (line for line in self._complaints if "error" in line), ""
        )
        return ModelUnavailable(
            f"The local model {self._path.name!r} cannot be loaded: {(complaint or 'no reason was given').rstrip(chr(46))}. "
            "Set ATELIER_LOCAL_MODEL_PATH to another GGUF file, or connect Ollama or an OpenAI-compatible service.",
            service="local model",
        )
