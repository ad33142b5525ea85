"""Small services on loopback that answer as badly as real ones sometimes do."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from typing_extensions import override

Request = dict[str, Any]


class Answer:
    """What to send: a status, headers, and pieces of a body."""

    def __init__(
        self,
        *pieces: bytes,
        status: int = 200,
        kind: str = "application/json",
        **headers: str,
    ) -> None:
        self.pieces = pieces
        self.status = status
        self.headers = {
            "Content-Type": kind,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }

    @classmethod
    def of(cls, value: Any, *, status: int = 200, **headers: str) -> "Answer":
        """Return `value` as JSON."""
        return cls(json.dumps(value).encode(), status=status, **headers)


@contextmanager
def serving(answer: Callable[[Request], Answer]) -> Generator[str, None, None]:
    """Give the URL of a server that asks `answer` what to say to each body posted to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            given = answer(json.loads(body))
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.end_headers()
            for piece in given.pieces:
                self.wfile.write(piece)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
