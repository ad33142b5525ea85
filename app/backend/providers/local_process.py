"""The child process that holds the local model, as its parent sees it."""

import asyncio
import json
import signal
import sys
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from app.backend.providers.errors import ContextOverflow, ModelCrashed, ModelUnavailable
from app.backend.providers.local_chat import ChatRequest, Done, Piece, Text

logger = structlog.get_logger(__name__)

_LINE_BYTES_MAX = 1 << 20


class ModelProcess:
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
    async def start(cls, path: Path, *, context: int, threads: int) -> "ModelProcess":
        """Start the process; it loads the model at once."""
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
        """Return when the model is loaded, with the milliseconds that took.

        Raises:
            ModelUnavailable: it cannot be loaded; the library's own complaint is in the message.
        """
        try:
            message = await self._receive()
        except ModelCrashed as error:
            raise await self._unloadable(error.message) from error
        if "error" in message:
            raise await self._unloadable(message.get("reason", ""))
        return float(message["milliseconds"])

    async def answer(
        self, turn_id: int, request: ChatRequest
    ) -> AsyncGenerator[Piece, None]:
        """Yield the answer as it comes.

        Raises:
            ContextOverflow: the prompt is longer than the window.
            ModelCrashed: the process died.
        """
        self._send(
            {
                "id": turn_id,
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
        """End that answer at its next token."""
        self._send({"cancel": turn_id})

    def kill(self) -> None:
        """End the process at once, without waiting for that."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> None:
        """End the process and wait until it is gone."""
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
