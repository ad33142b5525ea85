"""The process that holds the local chat model: a crash of the native library ends only this one.

It reads requests from standard input and answers on standard output, a JSON object a line. One generation
at a time; `cancel` ends the current one at its next token. It ends when its standard input does.
"""

import argparse
import codecs
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, cast

from gpt4all._pyllmodel import (  # pyright: ignore[reportMissingTypeStubs] - it ships none
    LLModel,
)
from typing_extensions import override

from app.backend.core.repeats import LENGTH_MAX, repeated_size
from app.backend.providers import chat_template, gguf

_BACKEND = "cpu" if sys.platform == "darwin" else "kompute"
# Prompt tokens in one step: larger is faster, smaller lets a stop in sooner.
_BATCH = 32
_ERROR_TOKEN = -1


class _Model(LLModel):
    """GPT4All's model with every token visible, those of the prompt included."""

    on_prompt_token: Callable[[int], bool] = lambda _: True

    @override
    def _prompt_callback(self, token_id: int) -> bool:
        return self.on_prompt_token(token_id)

    @override
    def _callback_decoder(self, callback: Any) -> Any:
        return callback


class _Generation:
    """One answer: counts, decodes and sends its tokens, and knows why it ended."""

    def __init__(
        self,
        request: dict[str, Any],
        context: int,
        cancelled: set[int],
        send: Callable[[dict[str, Any]], None],
    ) -> None:
        self._request = request
        self._context = context
        self._cancelled = cancelled
        self._send = send
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._tokens_in = 0
        self._tokens_out = 0
        self._held = ""
        self._text = ""
        self._end = ""

    def run(self, model: _Model, prompt: str) -> None:
        temperature: float = self._request["temperature"]
        model.on_prompt_token = self._on_prompt_token
        model.prompt_model(
            prompt,
            "%1%2",
            cast("Any", self._on_token),
            n_predict=self._request["max_tokens"],
            temp=temperature,
            top_k=40 if temperature else 1,
            top_p=self._request["top_p"],
            repeat_penalty=1.0,
            n_batch=_BATCH,
            reset_context=True,
            special=True,
        )
        self._finish()

    def _on_prompt_token(self, _token_id: int) -> bool:
        self._tokens_in += 1
        return not self._is_cancelled()

    def _on_token(self, token_id: int, piece: bytes) -> bool:
        if self._is_cancelled():
            return False
        if token_id == _ERROR_TOKEN:
            self._end = "overflow"
            return False
        self._tokens_out += 1
        text = self._decoder.decode(piece)
        self._text = (self._text + text)[-LENGTH_MAX:]
        self._push(text)
        # It would go on so to the end of its window.
        if not self._end and repeated_size(self._text):
            self._end = "stop"
        if self._end:
            return False
        if self._tokens_in + self._tokens_out >= self._context:
            self._end = "length"
        return not self._end

    def _is_cancelled(self) -> bool:
        if self._request["id"] in self._cancelled:
            self._end = "cancelled"
        return self._end == "cancelled"

    def _push(self, text: str) -> None:
        self._held += text
        for stop in self._request["stop"]:
            if stop in self._held:
                self._end, self._held = "stop", self._held.split(stop, 1)[0]
        # Hold back what may be the beginning of a stop text.
        keep = (
            0
            if self._end
            else max(
                (_overlap(self._held, stop) for stop in self._request["stop"]),
                default=0,
            )
        )
        ready, self._held = (
            self._held[: len(self._held) - keep],
            self._held[len(self._held) - keep :],
        )
        if ready:
            self._send({"text": ready, "tokens": self._tokens_out})

    def _finish(self) -> None:
        if self._end == "overflow":
            self._send({"error": "overflow"})
            return
        if self._held and self._end != "cancelled":
            self._send({"text": self._held, "tokens": self._tokens_out})
        is_full = self._tokens_out >= self._request["max_tokens"]
        self._send(
            {
                "done": self._end or ("length" if is_full else "stop"),
                "tokens_in": self._tokens_in,
                "tokens_out": self._tokens_out,
            }
        )


def _overlap(text: str, stop: str) -> int:
    return next(
        (
            size
            for size in range(min(len(text), len(stop) - 1), 0, -1)
            if text.endswith(stop[:size])
        ),
        0,
    )


def _read_requests(
    requests: queue.SimpleQueue[dict[str, Any]], cancelled: set[int]
) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        if "cancel" in request:
            cancelled.add(request["cancel"])
        else:
            requests.put(request)
    os._exit(0)


def _sender() -> Callable[[dict[str, Any]], None]:
    # The native library prints to standard output as it likes: our channel is a copy, the rest goes to the log.
    channel: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(message: dict[str, Any]) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    return send


def main() -> None:
    """Load the model that the command line names, and answer requests until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--context", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    # Ctrl-C reaches the whole group; we end when our parent closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    send = _sender()
    began = time.monotonic()
    try:
        render = chat_template.make_renderer(gguf.read(arguments.path))
        model = _Model(str(arguments.path), arguments.context, 100, _BACKEND)
        if not model.load_model():
            send({"error": "load"})
            return
    except (OSError, gguf.NotGguf, RuntimeError) as error:
        send({"error": "load", "reason": str(error)})
        return
    model.set_thread_count(arguments.threads)
    send({"ready": True, "milliseconds": (time.monotonic() - began) * 1000})
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    cancelled: set[int] = set()
    threading.Thread(
        target=_read_requests, args=(requests, cancelled), daemon=True
    ).start()
    while True:
        request = requests.get()
        _Generation(request, arguments.context, cancelled, send).run(
            model, render(request["messages"])
        )


if __name__ == "__main__":
    main()
