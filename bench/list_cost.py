"""What it costs to know who asks: a list over the API, beside the same list where nobody asks who it is.

Both are served by one process, over a real port, and asked in turns.
"""

import asyncio
import multiprocessing
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import httpx
import uvicorn
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from app.backend import bootstrap
from app.backend.api import auth
from app.backend.api.app import make_api
from app.backend.api.guard import Guard
from app.backend.bootstrap import Services
from app.backend.core import acting, clock, ids
from app.backend.core.actor import Actor, Role
from app.backend.core.crypto import hash_token
from app.backend.core.settings import Settings
from app.backend.identity import cookies, keys, tiers
from app.backend.identity.tables import SessionRow
from app.backend.identity.tier_schemas import Limits, PersonLimitsDraft
from bench.report import Row, percentile, report
from tests.factories.rows import RowFactory
from tests.parts import free_port, wait_until
from tests.stack import start_stack

AGENTS = 50
# Few in a row, so that whatever else the machine does hits all ways alike.
TIMES = 5
SECONDS = 25.0
WANTED = {"limit": str(AGENTS)}
GOAL = "p50 with a login, a key, and a key that is counted <= 1.3 x the bare list"


def serve(settings: Settings, actor: Actor, port: int) -> None:
    """Serve the API, and below `/bare` the same without its door."""
    asyncio.run(_serve(settings, actor, port))


async def _serve(settings: Settings, actor: Actor, port: int) -> None:
    async with bootstrap.build(settings) as services:
        api, bare = make_api(settings), make_api(settings)
        bare.user_middleware = [
            one for one in bare.user_middleware if one.cls is not Guard
        ]
        api.state.services = bare.state.services = services

        async def both(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            if not path.startswith("/bare"):
                await api(scope, receive, send)
                return
            scope["path"] = path.removeprefix("/bare")
            auth.set_actor(HTTPConnection(scope), actor)
            # PostgreSQL shows nothing to nobody.
            with acting.as_user(actor.user_id):
                await bare(scope, receive, send)

        config = uvicorn.Config(both, port=port, log_config=None, lifespan="off")
        await uvicorn.Server(config).serve()


@asynccontextmanager
async def _clients(
    services: Services, actor: Actor, url: str
) -> AsyncGenerator[dict[str, tuple[httpx.AsyncClient, str]], None]:
    """Open a client for each way to ask, with the address that it asks for."""
    token = ids.new_token()
    login = SessionRow(
        owner_id=actor.user_id,
        token_hash=hash_token(token),
        expires_at=clock.now() + timedelta(days=1),
    )
    rows = RowFactory(services.db)
    counted = await rows.user(role=Role.ADMIN)
    for _ in range(AGENTS):
        await rows.agent(counted)
    async with services.db.transaction() as session:
        session.add(login)
        key = await keys.create_key(session, actor, name="bench")
        other_key = await keys.create_key(session, counted, name="bench")
        limits = PersonLimitsDraft(own=Limits(requests_per_minute=1_000_000))
        await tiers.set_person_limits(
            session, actor, user_id=counted.user_id, draft=limits
        )
    name = cookies.cookie_name(services.keyring)
    headers = {
        "bare": {},
        "login": {"Cookie": f"{name}={token}"},
        "key": {"Authorization": f"Bearer {key.key}"},
        "key, counted": {"Authorization": f"Bearer {other_key.key}"},
    }
    made = {
        way: httpx.AsyncClient(base_url=url, headers=sent, timeout=60, trust_env=False)
        for way, sent in headers.items()
    }
    yield {
        way: (client, "/bare/api/v1/agents" if way == "bare" else "/api/v1/agents")
        for way, client in made.items()
    }
    for client in made.values():
        await client.aclose()


def main(kind: str, settings: Settings) -> list[Row]:
    """Ask in turns, and return the rows of the table."""
    actor, port = asyncio.run(_fill(settings)), free_port()
    # Forked while nothing runs here: another interpreter would first read all modules anew.
    server = multiprocessing.get_context("fork").Process(
        target=serve, args=(settings, actor, port)
    )
    server.start()
    try:
        spent = asyncio.run(_measure(settings, actor, f"http://127.0.0.1:{port}"))
    finally:
        server.terminate()
        server.join()
    bare = percentile(spent["bare"], 50)
    return [_row(kind, way, times, bare) for way, times in spent.items()]


async def _fill(settings: Settings) -> Actor:
    async with bootstrap.build(settings) as services:
        rows = RowFactory(services.db)
        actor = await rows.user(role=Role.ADMIN)
        for _ in range(AGENTS):
            await rows.agent(actor)
        return actor


async def _measure(
    settings: Settings, actor: Actor, url: str
) -> dict[str, list[float]]:
    await asyncio.to_thread(_await_health, url)
    async with (
        bootstrap.build(settings) as services,
        _clients(services, actor, url) as ways,
    ):
        return await _ask_all(ways)


def _await_health(url: str) -> None:
    def answers() -> bool:
        try:
            return httpx.get(f"{url}/health/live", trust_env=False).is_success
        except httpx.TransportError:
            return False

    wait_until(answers, seconds=60, what="The server answers")


async def _ask_all(
    ways: dict[str, tuple[httpx.AsyncClient, str]],
) -> dict[str, list[float]]:
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for client, path in ways.values():
        # What comes first fills caches.
        await _ask(client, path)
    end = perf_counter() + SECONDS
    while perf_counter() < end:
        for way, (client, path) in ways.items():
            spent[way] += [await _ask(client, path) for _ in range(TIMES)]
    return spent


async def _ask(client: httpx.AsyncClient, path: str) -> float:
    began = perf_counter()
    answer = await client.get(path, params=WANTED)
    seconds = perf_counter() - began
    assert len(answer.json()["items"]) == AGENTS, answer.text
    return seconds * 1000


def _row(kind: str, way: str, times: list[float], bare: float) -> Row:
    p50 = percentile(times, 50)
    return {
        "who asks": way,
        "database": kind,
        "times": len(times),
        "p50 ms": p50,
        "p95 ms": percentile(times, 95),
        "of bare": round(p50 / bare, 2),
        "met": "yes" if p50 <= 1.3 * bare else "NO",
    }


if __name__ == "__main__":
    found: list[Row] = []
    for name in sys.argv[1:] or ("sqlite", "postgres"):
        with (
            start_stack(name) as stack,
            tempfile.TemporaryDirectory(prefix="atelier-lists-") as folder,
            stack.make_installation(Path(folder) / "data") as chosen,
        ):
            found += main(name, chosen)
    report("list_cost", f"A list of {AGENTS} agents over the API", found, goal=GOAL)
