"""A server that secrets are sent to, and that says them back wherever it can: in answers, in errors, in pieces."""

import json
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from typing_extensions import override

SAYS = "0192f0c1-2d3e-7a4b-8c5d-6e7f8a9b0c1d"
REFUSES = "0192f0c1-2d3e-7a4b-8c5d-6e7f8a9b0c1e"


class _Parrot(BaseHTTPRequestHandler):
    """Answers as a runtime, or as an OpenAI-compatible service, with the key that it was sent."""

    def do_GET(self) -> None:
        """List the models."""
        self._answer(200, {"data": [{"id": SAYS}, {"id": REFUSES}]})

    def do_POST(self) -> None:
        """Run the agent, or refuse it; a chat is always refused."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        wrong = f"Wrong key {self._key()}"
        if REFUSES in (body.get("model"), body.get("agent_id")):
            self._answer(401 if "model" in body else 400, {"message": wrong})
        elif "model" in body:
            self._chat()
        else:
            self._run()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""

    def _key(self) -> str:
        return self.headers["Authorization"].removeprefix("Bearer ")

    def _answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _halves(self) -> tuple[str, str]:
        key = self._key()
        return f"It is {key[:7]}", f"{key[7:]}, of course."

    def _run(self) -> None:
        halves, message_id = self._halves(), str(uuid4())
        of: dict[str, Any] = {"message_id": message_id}
        events = [
            {"type": "log", "message": f"I was sent {self._key()}"},
            {"type": "message_started", "role": "assistant", **of},
            *({"type": "message_delta", "text": half, **of} for half in halves),
        ]
        answer = {"answer": "".join(halves)}
        result = {"type": "result", "status": "completed", "output_data": answer}
        self._stream(
            f"event: {one['type']}\ndata: {json.dumps(one)}"
            for one in (*events, result)
        )

    def _chat(self) -> None:
        deltas = [{"role": "assistant", "content": half} for half in self._halves()]
        reasons = (None, "stop")
        chunks = [
            {
                "id": "x",
                "object": "chat.completion.chunk",
                "created": 0,
                "model": SAYS,
                "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
            }
            for delta, reason in zip(deltas, reasons, strict=True)
        ]
        lines = [f"data: {json.dumps(chunk)}" for chunk in chunks]
        self._stream([*lines, "data: [DONE]"])

    def _stream(self, events: Iterable[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write("".join(f"{event}\n\n" for event in events).encode())


@contextmanager
def parrot() -> Generator[str, None, None]:
    """Run the server and yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Parrot)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
