"""The runtime's OpenAI-compatible routes: chat, embeddings, list of models."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastmcp import FastMCP
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.backend.core import clock, ids
from app.backend.core.errors import AppError
from app.backend.knowledge.embeddings import Embedder, encode_vector
from app.backend.models.local import LocalModel
from app.backend.models.shelf import Shelf
from app.backend.providers.errors import ModelCrashed, ModelMissing
from app.backend.providers.local_chat import (
    ChatRequest,
    Done,
    Loading,
    Piece,
    Queued,
    Text,
)
from app.backend.providers.local_engine import LocalEngine
from app.workers.runtime_edge import CLIENT_LEFT, edge, read_body, until_disconnect
from app.workers.runtime_schemas import ChatBody, EmbeddingsBody, error_body, usage_of


class ModelRoutes:
    """Answers for the models that this process holds."""

    def __init__(
        self, engine: LocalEngine, model: LocalModel, embedder: Embedder, shelf: Shelf
    ) -> None:
        self._engine = engine
        self._shelf = shelf
        self._model = model
        self._embedder = embedder

    def add_to(self, server: FastMCP[Any]) -> None:
        """Register the routes."""
        server.custom_route("/v1/models", methods=["GET"])(self.list_models)
        server.custom_route("/v1/chat/completions", methods=["POST"])(
            edge(self.chat, _explain)
        )
        server.custom_route("/v1/embeddings", methods=["POST"])(
            edge(self.embed, _explain)
        )

    async def list_models(self, _request: Request) -> Response:
        """`GET /v1/models`."""
        added = [file.name for file in self._shelf.list() if not file.reason]
        names = [self._model.name, *added, self._embedder.name]
        items = [
            {"id": name, "object": "model", "created": 0, "owned_by": "atelier"}
            for name in names
        ]
        return JSONResponse({"object": "list", "data": items})

    async def embed(self, request: Request) -> Response:
        """`POST /v1/embeddings`."""
        body = await read_body(request, EmbeddingsBody)
        self._expect(body.model, self._embedder.name)
        vectors = await self._embedder.embed(body.input)
        items = [
            {
                "object": "embedding",
                "index": index,
                "embedding": encode_vector(vector)
                if body.encoding_format == "base64"
                else vector,
            }
            for index, vector in enumerate(vectors)
        ]
        # An estimate: the embedder does not say how many tokens it read.
        tokens = sum(len(text) for text in body.input) // 4
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse(
            {
                "object": "list",
                "data": items,
                "model": self._embedder.name,
                "usage": usage,
            }
        )

    async def chat(self, request: Request) -> Response:
        """`POST /v1/chat/completions`, as JSON or as a stream that ends its work when the caller leaves."""
        body = await read_body(request, ChatBody)
        asked = replace(body.to_request(), path=self._path_of(body.model))
        if not body.stream:
            done = self._complete(body, asked)
            return await until_disconnect(request, done) or CLIENT_LEFT
        pieces = self._engine.chat(asked)
        if body.stream_options.include_notices:
            return _event_stream(self._chunks(body, pieces))
        # Without notices the status code waits for the first token, so that an overflow is a 400.
        first = await until_disconnect(request, _first_text(pieces))
        if first is None:
            return CLIENT_LEFT
        return _event_stream(self._chunks(body, pieces, first))

    async def _complete(self, body: ChatBody, asked: ChatRequest) -> Response:
        text = ""
        async with aclosing(self._engine.chat(asked)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Text):
                    text += piece.text
                elif isinstance(piece, Done):
                    message = {"role": "assistant", "content": text}
                    choice = {
                        "index": 0,
                        "message": message,
                        "finish_reason": piece.reason,
                    }
                    return JSONResponse(
                        {
                            **self._head("chat.completion", body),
                            "choices": [choice],
                            "usage": usage_of(piece),
                        }
                    )
        return CLIENT_LEFT

    async def _chunks(
        self,
        body: ChatBody,
        pieces: AsyncGenerator[Piece, None],
        first: Piece | None = None,
    ) -> AsyncGenerator[dict[str, str], None]:
        head = self._head("chat.completion.chunk", body)
        has_role = False
        async with aclosing(pieces):
            try:
                async for piece in _chain(first, pieces):
                    for chunk in _chunks_of(piece, body):
                        if chunk["choices"] and not has_role:
                            chunk["choices"][0]["delta"]["role"] = "assistant"
                            has_role = True
                        yield {"data": json.dumps({**head, **chunk})}
            except AppError as error:
                yield {"data": json.dumps(error_body(error))}
        yield {"data": "[DONE]"}

    def _head(self, kind: str, body: ChatBody) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{ids.new_id().hex}",
            "object": kind,
            "created": int(clock.now().timestamp()),
            "model": _plain(body.model) or self._model.name,
        }

    def _path_of(self, asked: str) -> Path | None:
        """Return the file of a model that was added; None is the one that the settings name."""
        name = _plain(asked)
        if name in ("", self._model.name):
            return None
        file = self._shelf.find(name)
        if file is None or file.reason:
            held = [self._model.name, *(one.name for one in self._shelf.list())]
            message = f"This runtime has no model {asked!r} that it can load. Use one of {', '.join(held)}."
            raise ModelMissing(message)
        return Path(file.path)

    def _expect(self, asked: str, held: str) -> None:
        if _plain(asked) not in ("", held):
            message = f"This runtime holds {held!r}, not {asked!r}. Use {held!r}, or change the runtime's settings."
            raise ModelMissing(message)


def _plain(asked: str) -> str:
    return asked.removeprefix("local/")


def _chunks_of(piece: Piece, body: ChatBody) -> list[dict[str, Any]]:
    match piece:
        case Queued(position=position):
            notice = {"type": "queued", "position": position}
        case Loading(is_done=is_done, milliseconds=milliseconds):
            notice = {
                "type": "loaded" if is_done else "loading",
                "milliseconds": milliseconds,
            }
        case Text(text=text, tokens=tokens):
            return [
                {
                    "choices": [
                        {"index": 0, "delta": {"content": text}, "finish_reason": None}
                    ],
                    "tokens": tokens,
                }
            ]
        case Done(reason=reason):
            end: list[dict[str, Any]] = [
                {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
            ]
            usage = {"choices": [], "usage": usage_of(piece)}
            return [*end, usage] if body.stream_options.include_usage else end
    return (
        [{"choices": [], "notice": notice}]
        if body.stream_options.include_notices
        else []
    )


async def _first_text(pieces: AsyncGenerator[Piece, None]) -> Piece:
    async for piece in pieces:
        if isinstance(piece, Text | Done):
            return piece
    raise ModelCrashed("it gave no answer")


async def _chain(
    first: Piece | None, rest: AsyncGenerator[Piece, None]
) -> AsyncGenerator[Piece, None]:
    if first is not None:
        yield first
    async for piece in rest:
        yield piece


def _event_stream(chunks: AsyncGenerator[dict[str, str], None]) -> Response:
    return EventSourceResponse(chunks, sep="\n", headers={"Cache-Control": "no-cache"})


def _explain(error: AppError) -> Response:
    return JSONResponse(error_body(error), error.status)
