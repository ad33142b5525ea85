"""R-13: one viewer reads hardly anything of a fast run that others watch."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from uuid import UUID

import httpx

from chaos.checks import examine
from chaos.fault import Fault
from chaos.ground import Ground
from chaos.outcome import Outcome, percentile
from chaos.viewers import Viewer, open_client

WORDS_PER_SECOND = 200
SECONDS = 6.0
WORDS = int(WORDS_PER_SECOND * SECONDS)
SLOW_BYTES_PER_SECOND = 1_000
VIEWERS = 3
SPEED_MIN = 0.95
DELAY_MAX = 1.2
# Below this a difference is the machine's, not the slow viewer's.
DELAY_NOISE_SECONDS = 0.05


@dataclass(frozen=True)
class _Pace:
    """How fast the worker wrote, and how late the viewers were."""

    words_per_second: float
    p99_seconds: float
    problem: str


async def play(ground: Ground, rounds: int) -> Outcome:
    """Measure `rounds` runs without and with a slow viewer in turn."""
    await ground.open(workers=1)
    ground.machine.start_web()
    agent = await ground.add_agent(tokens=WORDS, tokens_per_second=WORDS_PER_SECOND)
    alone: list[_Pace] = []
    beside: list[_Pace] = []
    async with open_client(ground) as client:
        await _measure(ground, client, agent, is_slow=False)
        for _ in range(rounds):
            alone.append(await _measure(ground, client, agent, is_slow=False))
            beside.append(await _measure(ground, client, agent, is_slow=True))
    speeds = [median(p.words_per_second for p in paces) for paces in (alone, beside)]
    delays = [median(p.p99_seconds for p in paces) for paces in (alone, beside)]
    problems = [pace.problem for pace in alone + beside if pace.problem]
    late: list[str] = []
    if speeds[1] < SPEED_MIN * speeds[0]:
        late.append("the worker became slower")
    if delays[1] > max(DELAY_MAX * delays[0], delays[0] + DELAY_NOISE_SECONDS):
        late.append("the other viewers became later")
    return Outcome(
        good=rounds if not problems else 0,
        of=rounds,
        figures={
            "speed of the worker": f"{speeds[1] / speeds[0]:.1%} ({speeds[0]:.1f}, then {speeds[1]:.1f} words/s)",
            "p99 of the others": f"{delays[0] * 1000:.0f} ms, then {delays[1] * 1000:.0f} ms",
        },
        problems=problems,
        late=late,
    )


async def _measure(
    ground: Ground, client: httpx.AsyncClient, agent: UUID, *, is_slow: bool
) -> _Pace:
    run = await ground.runs.start(agent)
    viewers = [Viewer(client, run.id) for _ in range(VIEWERS)]
    async with _slow_viewer(client, run.id) if is_slow else contextlib.nullcontext():
        await asyncio.gather(*(viewer.follow() for viewer in viewers))
    stored = await ground.runs.events(run.id)
    problem = "; ".join(
        {examine(stored, viewer.events()).problem for viewer in viewers}
    )
    said = [event for event in stored if event.type == "message_delta"]
    took = (said[-1].ts - said[0].ts).total_seconds()
    delays = [delay for viewer in viewers for delay in viewer.delays]
    return _Pace(WORDS / took, percentile(delays, 99), problem)


@asynccontextmanager
async def _slow_viewer(
    client: httpx.AsyncClient, run_id: UUID
) -> AsyncGenerator[None, None]:
    """Follow a run as somebody on a very bad line does."""
    url = client.base_url
    line = socket.socket()
    # The kernel must not read ahead for a viewer that does not read.
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(line, (url.host, url.port))
    request = (
        f"GET /api/v1/runs/{run_id}/events HTTP/1.1\r\nHost: {url.host}:{url.port}\r\n"
        f"Authorization: {client.headers['authorization']}\r\nAccept: text/event-stream\r\n\r\n"
    )
    await loop.sock_sendall(line, request.encode())

    async def read() -> None:
        while await loop.sock_recv(line, SLOW_BYTES_PER_SECOND):
            await asyncio.sleep(1)

    reading = asyncio.create_task(read())
    try:
        yield
    finally:
        reading.cancel()
        await asyncio.wait([reading])
        line.close()


FAULT = Fault(
    id="R-13",
    what="A viewer reads 1 KB/s beside three others, of a run that writes 200 words a second.",
    must="The worker keeps 95 % of its speed, and the others' p99 stays within 20 %.",
    play=play,
    rounds=3,
    quick=1,
    quick_stacks=(),
)
