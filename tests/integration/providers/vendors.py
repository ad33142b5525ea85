"""Servers on loopback that speak the protocols of vendors, as their documentation has them: driven through the real libraries.

The model that is asked for says what happens: `good`, `tool` (it calls one when it has some), `endless`, `busy`, `broken`, `long`, `silent`,
`embed-small` (it makes vectors, and answers nothing), or any other name, which is not there.
"""

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import unquote, urlsplit

from typing_extensions import override

KEY = "key-of-the-vendor-tests"
WORDS = ["The ", "answer ", "is ", "4."]
USAGE_IN, USAGE_OUT = 11, 4
TOOL_ARGS = {"a": 2, "b": 3}
EMBEDDER = "embed-small"
VECTORS = [[1.0, 0.0], [0.0, 1.0]]
MODELS = ("good", "tool", "endless", "busy", "broken", "long", "silent", EMBEDDER)
Body = dict[str, Any]
PULLED: list[Body] = [
    {"status": "pulling manifest"},
    {"status": "pulling 8eeb52dfb3bb", "completed": 50, "total": 200},
    {"status": "success"},
]


def _openai_vectors(body: Body) -> Body:
    # Not in their order, as some do.
    data = [
        {"object": "embedding", "index": n, "embedding": VECTORS[n]}
        for n in reversed(range(len(body["input"])))
    ]
    usage = {"prompt_tokens": USAGE_IN, "total_tokens": USAGE_IN}
    return {"object": "list", "model": EMBEDDER, "data": data, "usage": usage}


def _ollama_vectors(body: Body) -> Body:
    made = VECTORS[: len(body["input"])]
    return {"model": EMBEDDER, "embeddings": made, "prompt_eval_count": USAGE_IN}


@dataclass
class Vendor:
    """One protocol: where its chat is, how an answer looks, how a failure does, and what it was asked."""

    lines: Callable[[Body, str], Iterator[Any]]
    error: Callable[[int, str], Any]
    listing: Any
    key_of: Callable[[Any], str]
    model_of: Callable[[str, Body], str]
    vectors: Callable[[Body], Any] = _openai_vectors
    is_sse: bool = True
    asked: list[Body] = field(default_factory=list[Body])
    headers: list[str] = field(default_factory=list[str])
    failures: dict[str, tuple[int, str]] = field(
        default_factory=lambda: dict(_FAILURES)
    )
    hung_up: Event = field(default_factory=Event)
    let_go: Event = field(default_factory=Event)


def _bearer(headers: Any) -> str:
    return str(headers.get("Authorization", "")).removeprefix("Bearer ")


def _openai_lines(body: Body, model: str) -> Iterator[Any]:
    def chunk(delta: Body, reason: str | None = None, **more: Any) -> Body:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        head = {"id": "c", "object": "chat.completion.chunk", "created": 0}
        return {**head, "model": model, "choices": [choice], **more}

    yield chunk({"role": "assistant", "content": ""})
    if model == "tool" and body.get("tools"):
        function = {"name": "add", "arguments": json.dumps(TOOL_ARGS)}
        call = {"index": 0, "id": "call00001", "type": "function", "function": function}
        yield chunk({"tool_calls": [call]})
        yield chunk({}, "tool_calls")
    else:
        for word in _words(model):
            yield chunk({"content": word})
        yield chunk({}, "stop")
    usage = {"prompt_tokens": USAGE_IN, "completion_tokens": USAGE_OUT}
    total = {**usage, "total_tokens": USAGE_IN + USAGE_OUT}
    yield {**chunk({}), "choices": [], "usage": total}
    yield "[DONE]"


def _mistral_lines(body: Body, model: str) -> Iterator[Any]:
    # The same, but the usage comes with the end.
    lines = list(_openai_lines(body, model)) if model != "endless" else None
    if lines is None:
        yield from _openai_lines(body, model)
        return
    *chunks, end, usage, done = lines
    yield from chunks
    yield {**end, "usage": usage["usage"]}
    yield done


def _anthropic_lines(body: Body, model: str) -> Iterator[Any]:
    usage = {"input_tokens": USAGE_IN, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "model": model}
    start = {**message, "content": [], "stop_reason": None, "usage": usage}
    yield {"type": "message_start", "message": {**start, "stop_sequence": None}}
    if model == "tool" and body.get("tools"):
        block = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {}}
        yield {"type": "content_block_start", "index": 0, "content_block": block}
        text = json.dumps(TOOL_ARGS)
        delta = {"type": "input_json_delta", "partial_json": text}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    else:
        block = {"type": "text", "text": ""}
        yield {"type": "content_block_start", "index": 0, "content_block": block}
        for word in _words(model):
            delta = {"type": "text_delta", "text": word}
            yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    reason = "tool_use" if model == "tool" and body.get("tools") else "end_turn"
    end = {"stop_reason": reason, "stop_sequence": None}
    yield {
        "type": "message_delta",
        "delta": end,
        "usage": {"input_tokens": USAGE_IN, "output_tokens": USAGE_OUT},
    }
    yield {"type": "message_stop"}


def _ollama_lines(body: Body, model: str) -> Iterator[Any]:
    head = {"model": model, "created_at": "2026-01-01T00:00:00Z"}
    if model == "tool" and body.get("tools"):
        call = {"function": {"name": "add", "arguments": TOOL_ARGS}}
        said = {"role": "assistant", "content": "", "tool_calls": [call]}
        yield {**head, "message": said, "done": False}
    else:
        for word in _words(model):
            said = {"role": "assistant", "content": word}
            yield {**head, "message": said, "done": False}
    counts = {"prompt_eval_count": USAGE_IN, "eval_count": USAGE_OUT}
    end = {"message": {"role": "assistant", "content": ""}, "done": True}
    yield {**head, **end, "done_reason": "stop", **counts}


def _words(model: str) -> Iterator[str]:
    if model == "endless":
        while True:
            yield "more "
    yield from WORDS


def _model_in_body(_path: str, body: Body) -> str:
    return str(body.get("model", ""))


def openai() -> Vendor:
    """OpenAI's chat protocol."""
    return Vendor(
        lines=_openai_lines,
        error=lambda status, text: {"error": {"message": text, "code": None}},
        listing={"data": [{"id": name, "object": "model"} for name in MODELS]},
        key_of=_bearer,
        model_of=_model_in_body,
    )


def azure() -> Vendor:
    """The same in Azure: the model is a deployment in the address, the key a header of its own."""
    vendor = openai()
    vendor.key_of = lambda headers: str(headers.get("api-key", ""))
    vendor.model_of = lambda path, _body: unquote(path.split("/deployments/")[1]).split(
        "/"
    )[0]
    return vendor


def mistral() -> Vendor:
    """Mistral's protocol."""
    vendor = openai()
    vendor.lines = _mistral_lines
    vendor.error = lambda status, text: {"object": "error", "message": text}
    return vendor


def anthropic() -> Vendor:
    """Anthropic's messages."""
    kinds = {401: "authentication_error", 404: "not_found_error"}
    return Vendor(
        lines=_anthropic_lines,
        error=lambda status, text: {
            "type": "error",
            "error": {"type": kinds.get(status, "api_error"), "message": text},
        },
        listing={
            "data": [
                {
                    "type": "model",
                    "id": name,
                    "display_name": name,
                    "created_at": "2026-01-01T00:00:00Z",
                }
                for name in MODELS
            ],
            "has_more": False,
            "first_id": MODELS[0],
            "last_id": MODELS[-1],
        },
        key_of=lambda headers: str(headers.get("X-Api-Key") or _bearer(headers)),
        model_of=_model_in_body,
    )


def ollama() -> Vendor:
    """Ollama's own protocol."""
    return Vendor(
        lines=_ollama_lines,
        error=lambda status, text: {"error": text},
        listing={"models": [{"model": name, "name": name} for name in MODELS]},
        key_of=_bearer,
        model_of=_model_in_body,
        vectors=_ollama_vectors,
        is_sse=False,
    )


_FAILURES = {
    "busy": (429, "Slow down."),
    "broken": (500, "The GPU is on fire."),
    "long": (400, "prompt is too long: the context window is 8192 tokens"),
}


class _Answering(BaseHTTPRequestHandler):
    vendor: Vendor

    def do_GET(self) -> None:
        self.vendor.headers.append(str(self.headers))
        if self.path == "/api/version":
            self._send(200, b'{"version": "0.9.1"}')
            return
        if self.vendor.key_of(self.headers) != KEY:
            self._fail(401, "Who are you?")
            return
        self._send(200, json.dumps(self.vendor.listing).encode())

    def do_POST(self) -> None:
        size = int(self.headers["content-length"])
        body: Body = json.loads(self.rfile.read(size))
        self.vendor.asked.append(body)
        self.vendor.headers.append(str(self.headers))
        model = self.vendor.model_of(urlsplit(self.path).path, body)
        if self.vendor.key_of(self.headers) != KEY:
            self._fail(401, "Who are you?")
        elif self.path == "/api/pull" and model in MODELS:
            self._stream_lines(iter(PULLED))
        elif model in self.vendor.failures:
            self._fail(*self.vendor.failures[model])
        elif model not in MODELS:
            self._fail(404, f"There is no model {model}.")
        elif model == "silent":
            self.vendor.let_go.wait(30)
        elif "embed" in self.path:
            self._send(200, json.dumps(self.vendor.vectors(body)).encode())
        else:
            self._stream_lines(self.vendor.lines(body, model))

    def _stream_lines(self, lines: Iterator[Any]) -> None:
        kind = "text/event-stream" if self.vendor.is_sse else "application/x-ndjson"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        try:
            for line in lines:
                self.wfile.write(self._framed(line))
                self.wfile.flush()
        except OSError:
            self.vendor.hung_up.set()

    def _framed(self, line: Any) -> bytes:
        told: Body = {} if isinstance(line, str) else line
        text = line if isinstance(line, str) else json.dumps(line)
        if not self.vendor.is_sse:
            return f"{text}\n".encode()
        name = f"event: {told['type']}\n" if "type" in told else ""
        return f"{name}data: {text}\n\n".encode()

    def _fail(self, status: int, text: str) -> None:
        self._send(status, json.dumps(self.vendor.error(status, text)).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(vendor: Vendor) -> Generator[str, None, None]:
    """Give the URL of a server of this vendor; at the end those that wait are let go."""

    handler = type("Handler", (_Answering,), {"vendor": vendor})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        vendor.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()
