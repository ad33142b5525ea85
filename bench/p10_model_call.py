"""P10: time to a model's first token, beside the bare protocol; the service behind it answers at once."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from time import perf_counter

import httpx
import uvicorn
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.backend.models.catalog import make_catalog
from bench.report import Row, percentile, report
from tests.parts import Part, free_port
from tests.stack import settings_of

ROUNDS = 3
CALLS = 100
MODEL = "instant"
GOAL = "added: p50 <= 4 ms, p95 <= 8 ms"
QUESTION = "What is it?"


async def main(url: str, folder: Path) -> None:
    """Measure each way to ask, interleaved."""
    catalog = make_catalog(settings_of(folder, openai_base_url=url), runtime_token="")
    bare = ChatOpenAI(
        model=MODEL, base_url=url, api_key=SecretStr("none"), max_retries=0
    )
    async with httpx.AsyncClient() as client:
        ways = {
            "bare protocol": lambda: ask_bare(client, url),
            "langchain-openai": lambda: ask(bare),
            "ours": lambda: ask(catalog.get(f"openai/{MODEL}")),
        }
        times = await measure(ways)
    await catalog.close()
    floor = times["bare protocol"]
    rows: list[Row] = [
        {
            "way": name,
            "p50 ms": percentile(found, 50),
            "p95 ms": percentile(found, 95),
            "p99 ms": percentile(found, 99),
            "added p50 ms": percentile(found, 50) - percentile(floor, 50),
            "added p95 ms": percentile(found, 95) - percentile(floor, 95),
        }
        for name, found in times.items()
    ]
    report(
        "p10_model_call", "First token of a model that answers at once", rows, goal=GOAL
    )


async def ask(model: BaseChatModel) -> None:
    """Return at the first token."""
    async for chunk in model.astream(QUESTION):
        if chunk.text:
            break


async def ask_bare(client: httpx.AsyncClient, url: str) -> None:
    """Return at the first token, with nothing between us and the protocol."""
    messages = [{"role": "user", "content": QUESTION}]
    body = {"model": MODEL, "stream": True, "messages": messages}
    async with client.stream("POST", f"{url}/chat/completions", json=body) as response:
        async for line in response.aiter_lines():
            if "content" in line:
                break


async def measure(
    ways: Mapping[str, Callable[[], Awaitable[None]]],
) -> dict[str, list[float]]:
    """Return milliseconds per way; they take turns, so that noise meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        await way()
    for _ in range(ROUNDS * CALLS):
        for name, way in ways.items():
            started = perf_counter()
            await way()
            times[name].append((perf_counter() - started) * 1000)
    return times


async def answer(_request: Request) -> Response:
    """Stream two chunks at once, as OpenAI does."""

    async def lines() -> AsyncGenerator[str, None]:
        for delta, reason in (
            ({"role": "assistant", "content": "Yes"}, None),
            ({}, "stop"),
        ):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            chunk = {
                "id": "x",
                "object": "chat.completion.chunk",
                "created": 0,
                "model": MODEL,
                "choices": [choice],
            }
            yield f"data: {json.dumps(chunk)}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


def serve(port: int) -> None:
    """Be the service that answers at once."""
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", answer, methods=["POST"]),
            Route("/health", answer),
        ]
    )
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def start() -> None:
    """Start the service in a process of its own, and measure."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        url = f"http://127.0.0.1:{port}"
        service = Part(
            [sys.executable, "-m", "bench.p10_model_call", str(port)],
            log=folder / "service.log",
            is_ready=lambda: httpx.get(f"{url}/health").is_success,
        ).start()
        try:
            asyncio.run(main(f"{url}/v1", folder))
        finally:
            service.stop()


if __name__ == "__main__":
    serve(int(sys.argv[1])) if len(sys.argv) > 1 else start()
