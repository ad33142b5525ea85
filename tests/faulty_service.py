"""A service on loopback that speaks OpenAI's chat protocol and answers as badly as it is told to."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Literal, cast

from typing_extensions import override

Conduct = Literal["well", "busy", "broken", "cut", "hanging"]
WORDS = ["It ", "is ", "so."]
HANGS_SECONDS_MAX = 60


@dataclass
class FaultyService:
    """Does with each request what `conduct` says, and counts them; `retry_after` is what it says when it is busy."""

    conduct: Callable[[], Conduct]
    retry_after: str = ""
    url: str = ""
    seen: list[Conduct] = field(default_factory=list[Conduct])
    keys: list[str] = field(default_factory=list[str])
    _lock: Lock = field(default_factory=Lock)

    def next(self, key: str) -> Conduct:
        """Return what is done with a request."""
        with self._lock:
            conduct = self.conduct()
            self.seen.append(conduct)
            self.keys.append(key)
        return conduct


def in_turn(*conducts: Conduct) -> Callable[[], Conduct]:
    """Return what is done with one request after the other; the last one stays."""
    left = list(conducts)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def serving_faults(
    conduct: Callable[[], Conduct], *, retry_after: str = ""
) -> Generator[FaultyService, None, None]:
    """Give a service that does with each request what `conduct` says then."""
    service = FaultyService(conduct, retry_after)
    server = _Server(service)
    service.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        server.is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def __init__(self, service: FaultyService) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service = service
        self.is_over = Event()


class _Handler(BaseHTTPRequestHandler):
    @property
    def _of(self) -> _Server:
        return cast("_Server", self.server)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        match self._of.service.next(key):
            case "busy":
                self._refuse(429, "Too many requests.")
            case "broken":
                self._refuse(500, "Out of order.")
            case "hanging":
                self._of.is_over.wait(HANGS_SECONDS_MAX)
            case "cut":
                self._stream(WORDS[:2], is_whole=False)
            case "well":
                self._stream(WORDS, is_whole=True)

    def _refuse(self, status: int, message: str) -> None:
        body = json.dumps({"error": {"message": message}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status == 429 and self._of.service.retry_after:
            self.send_header("Retry-After", self._of.service.retry_after)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, words: list[str], *, is_whole: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in words:
            self._send(_chunk({"role": "assistant", "content": word}))
        if is_whole:
            self._send(_chunk({}, finish_reason="stop"))
            usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
            self._send({**_chunk({}), "choices": [], "usage": usage})
            self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, chunk: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass


def _chunk(
    delta: dict[str, str], *, finish_reason: str | None = None
) -> dict[str, Any]:
    return {
        "id": "answer",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "any",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }
