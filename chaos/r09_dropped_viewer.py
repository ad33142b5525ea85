"""R-09: a viewer loses its line again and again, and Redis forgets what it had of the run."""

from uuid import UUID

from redis.exceptions import RedisError

from app.backend.core import redis as redis_names
from chaos.checks import count_differences
from chaos.fault import Fault
from chaos.ground import Ground
from chaos.outcome import Outcome
from chaos.viewers import Viewer, open_client

WORKERS = 1
WORDS_PER_SECOND = 100
# How much of the dropping happens while the run goes on; the rest reads what is stored.
SECONDS_PER_DROP = 0.12
EVENTS_MAX = 4
TRIM_EVERY = 10


async def play(ground: Ground, rounds: int) -> Outcome:
    """Cut the viewer's line `rounds` times."""
    await ground.open(workers=WORKERS)
    ground.machine.start_web()
    words = int(WORDS_PER_SECOND * max(3.0, rounds * SECONDS_PER_DROP))
    agent = await ground.add_agent(tokens=words, tokens_per_second=WORDS_PER_SECOND)
    sizes = [ground.random.randint(0, EVENTS_MAX) for _ in range(rounds)]
    async with open_client(ground) as client:
        run = await ground.runs.start(agent)
        viewer = Viewer(client, run.id)
        trims = 0
        for number, size in enumerate(sizes):
            if number % TRIM_EVERY == TRIM_EVERY // 2:
                await _trim(ground, run.id, to=ground.random.choice((0, 1, 5)))
                trims += 1
            await viewer.read(size)
        live = not (await ground.runs.get(run.id)).status.is_terminal
        await viewer.follow()
    verdict = await ground.judge(run.id, words=words, seconds=None)
    stored = await ground.runs.events(run.id)
    wanted = b"".join(event.model_dump_json().encode() for event in stored)
    is_same = b"".join(viewer.raw) == wanted
    seqs = [event.seq for event in viewer.events()]
    gaps = len(stored) - len(set(seqs))
    repeats = len(seqs) - len(set(seqs))
    problem = verdict.problem or ("" if is_same else "the bytes differ")
    return Outcome(
        good=rounds if not problem else 0,
        of=rounds,
        duplicates=repeats,
        lost=gaps + (count_differences(stored, viewer.events()) if not is_same else 0),
        figures={
            "events of the log": f"{len(stored):,}",
            "bytes compared": f"{len(wanted):,}",
            "times the window in Redis was trimmed": str(trims),
            "the run still went on at the last cut": "yes" if live else "no",
        },
        problems=[problem] if problem else [],
    )


async def _trim(ground: Ground, run_id: UUID, *, to: int) -> None:
    key = redis_names.run_stream(run_id)
    try:
        await ground.services.redis.xtrim(key, maxlen=to, approximate=False)
    except RedisError as error:
        message = "Redis should be there in this test."
        raise AssertionError(message) from error


FAULT = Fault(
    id="R-09",
    what="A viewer's line is cut 1,000 times at random while the run goes on, and its window in Redis is trimmed.",
    must="What the viewer has in the end is, byte for byte, the stored log: no gap, no repeat.",
    play=play,
    rounds=1000,
    quick=40,
)
