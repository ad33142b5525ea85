"""R-12: far more runs are started at once than the installation allows."""

import asyncio
from collections import Counter

import psutil

from app.backend.core import clock
from chaos.fault import Fault
from chaos.ground import Ground
from chaos.outcome import Outcome
from chaos.viewers import open_client

CAP = 100
TOO_MANY = 429
FLOODS_MORE = 3
MEMORY_GROWTH_MAX_MB = 20.0


async def play(ground: Ground, rounds: int) -> Outcome:
    """Send `rounds` starts at once, when a fifth of them may be active; then again, when none may."""
    allowed = CAP
    web = ground.machine.start_web()
    agent = await ground.add_agent(text="Ready.")
    address = f"/api/v1/agents/{agent}/runs"
    body = {"input": {"query": "Ready?"}}
    async with open_client(ground) as client:
        began = clock.monotonic()
        sent = [client.post(address, json=body) for _ in range(rounds)]
        answers = await asyncio.gather(*sent)
        took = clock.monotonic() - began
        # The first flood opens connections and buffers, which stay for the next.
        before = _megabytes(web.pid)
        for _ in range(FLOODS_MORE):
            sent = [client.post(address, json=body) for _ in range(rounds)]
            await asyncio.gather(*sent)
        after = _megabytes(web.pid)
    codes = Counter(answer.status_code for answer in answers)
    refused = [a for a in answers if a.status_code == TOO_MANY]
    silent = sum("retry-after" not in answer.headers for answer in refused)
    wanted = {202: allowed, 429: rounds - allowed}
    problems = [
        *([] if codes == wanted else [f"the answers were {dict(codes)}"]),
        *([f"{silent} refusals without Retry-After"] if silent else []),
    ]
    grown = after - before
    if grown > MEMORY_GROWTH_MAX_MB:
        problems.append(f"the web process grew by {grown:.0f} MB")
    return Outcome(
        good=rounds if not problems else 0,
        of=rounds,
        figures={
            "accepted, refused": f"{codes[202]}, {codes[429]}",
            "all answered after": f"{took:.1f} s",
            "memory of the web process": f"{before:.0f} MB after one flood, {after:.0f} MB after {1 + FLOODS_MORE}",
        },
        problems=problems,
    )


def _megabytes(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / 1e6


FAULT = Fault(
    id="R-12",
    what="500 runs are started over the API at once, where 100 may be active.",
    must="Exactly 100 are accepted; 400 get 429 with `Retry-After`; the web process does not grow.",
    play=play,
    rounds=500,
    quick=120,
    changes={"runs_active_max": CAP},
)
