"""What stands before a model adds to a call: nothing at all, and five middlewares.

    python -m bench.middleware_chain

The model is a generator that says its words at once, so that all the time is ours. Redis and rows are real.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter

from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.core.settings import Settings
from app.backend.middleware import service as middleware
from app.backend.middleware.chains import RowChains
from app.backend.middleware.schemas import MiddlewareDraft
from app.backend.models.request import Caller, ModelRequest
from app.backend.providers.base import ChatOptions
from bench.report import Row, percentile, report
from tests.factories.rows import RowFactory
from tests.fakes.knowledge import FakeEmbedder
from tests.stack import start_stack

CALLS, WORDS = 300, 100
GOAL = "chain of five: p95 <= 2 ms a call more than the model alone"
FIVE = ("logging", "cache", "retry", "validation", "pii")
MODEL, PLAIN = "scripted/hello", "scripted/echo"
LETTER = "Write to ann@example.org about the order of May, and be quick about it. "


async def main(settings: Settings) -> None:
    """Measure a call with nothing, with an empty chain, with five, and with an answer from the cache."""
    async with bootstrap.build(settings, local_embedder=FakeEmbedder()) as services:
        actor = await RowFactory(services.db).user(role="admin")
        for kind in FIVE:
            await _add(services, actor, kind)
        chains = services.chains
        times: dict[str, list[float]] = {}
        for _ in range(CALLS):
            question = f"{LETTER}{ids.new_id()}"
            for way, ask in (
                ("the model alone", _alone(question, actor)),
                ("no middleware", _through(chains, actor, PLAIN, question)),
                ("five middlewares", _through(chains, actor, MODEL, question)),
                ("five, from the cache", _through(chains, actor, MODEL, question)),
            ):
                began = perf_counter()
                await ask
                times.setdefault(way, []).append((perf_counter() - began) * 1000)
    floor = percentile(times["the model alone"], 50)
    rows: list[Row] = [
        {
            "way": way,
            "p50 ms": percentile(found, 50),
            "p95 ms": percentile(found, 95),
            "added p50 ms": percentile(found, 50) - floor,
            "added p95 ms": percentile(found, 95) - floor,
        }
        for way, found in times.items()
    ]
    report("middleware_chain", f"A call of {WORDS} words", rows, goal=GOAL)


async def _add(services: Services, actor: Actor, kind: str) -> None:
    draft = MiddlewareDraft(model=MODEL, type=kind)
    async with services.db.transaction() as session:
        await middleware.add_middleware(
            session, actor, model=MODEL, draft=draft, chains=services.chains
        )


def _request(name: str, question: str, actor: Actor) -> ModelRequest:
    messages = [SystemMessage("Be kind."), HumanMessage(question)]
    return ModelRequest(name, messages, ChatOptions(), Caller(actor))


async def _say(request: ModelRequest) -> AsyncIterator[AIMessageChunk]:
    del request
    for number in range(WORDS):
        yield AIMessageChunk(content=f"word {number} ")


async def _alone(question: str, actor: Actor) -> None:
    async for _ in _say(_request(MODEL, question, actor)):
        pass


async def _through(chains: RowChains, actor: Actor, name: str, question: str) -> None:
    chain = await chains.find(name, None)
    request = _request(name, question, actor)
    said = chain.stream(request, _say) if chain else _say(request)
    async for _ in said:
        pass


if __name__ == "__main__":
    with (
        start_stack("sqlite") as stack,
        tempfile.TemporaryDirectory() as folder,
        stack.make_installation(Path(folder) / "data") as chosen,
    ):
        asyncio.run(main(chosen))
