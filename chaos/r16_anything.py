"""R-16: whatever is done to a run, in whatever order: a property test over kill, stop, answer and further jobs."""

import asyncio
import json
from collections.abc import Sequence
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as examples
from hypothesis import strategies as st

from app.backend.core import clock
from app.backend.core.run_events import RunStatus
from chaos.checks import examine
from chaos.effects import CHANGES, Person, add_tool_agent, outside_of, repeats_of
from chaos.fault import Fault
from chaos.freezing import kill_horse_of
from chaos.ground import END_SECONDS, Ground
from chaos.outcome import Outcome, Trial, sum_up
from chaos.r08_many_jobs import enqueue

WORKERS = 2
EFFECTS = 2
ACTIONS = (
    "step",
    "step",
    "kill",
    "kill",
    "stop",
    "answer",
    "answer twice",
    "dispatch twice",
)
ACTIONS_MAX = 8
STEP_SECONDS = 0.5
SCRIPT = {
    "replies": [
        {
            "text": "First I put something somewhere else.",
            "tokens_per_second": 15,
            "tool_calls": [{"name": "outside_put", "args": {"name": "thing"}}],
        },
        {
            "tool_calls": [
                {
                    "name": "ask_person",
                    "args": {"question": "Which colour?", "choices": ["Red", "Blue"]},
                }
            ]
        },
        {
            "text": "Now I append a line to it.",
            "tokens_per_second": 15,
            "tool_calls": [
                {"name": "outside_append", "args": {"name": "thing", "line": "line"}}
            ],
        },
        {"text": "Done."},
    ]
}


async def play(ground: Ground, rounds: int) -> Outcome:
    """Do `rounds` random sequences of actions, each to a run of its own."""
    await ground.open(workers=WORKERS)
    agent = await add_tool_agent(ground, json.dumps(SCRIPT))
    loop = asyncio.get_running_loop()
    trials: list[Trial] = []
    ends: list[str] = []

    async def try_actions(actions: Sequence[str]) -> None:
        trial, status = await _try(ground, agent, actions)
        trials.append(trial)
        ends.append(status)

    @seed(ground.random.randrange(2**32))
    @examples(
        max_examples=rounds,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.lists(st.sampled_from(ACTIONS), min_size=2, max_size=ACTIONS_MAX))
    def try_all(actions: list[str]) -> None:
        asyncio.run_coroutine_threadsafe(try_actions(actions), loop).result()

    await asyncio.to_thread(try_all)
    counts = ", ".join(f"{ends.count(end)} {end}" for end in sorted(set(ends)))
    return sum_up(trials, figures={"ends": counts})


async def _try(
    ground: Ground, agent: UUID, actions: Sequence[str]
) -> tuple[Trial, str]:
    run = await ground.runs.start(agent)
    person = Person(ground)
    watching = asyncio.create_task(ground.watch(run.id))
    problems: list[str] = []
    for action in actions:
        problems += await _do(ground, run.id, person, action)
    ended = await person.see_through(run.id)
    found = examine(
        await ground.runs.events(run.id),
        await asyncio.wait_for(watching, END_SECONDS),
    )
    done = outside_of(ground, run.id)
    if found.problem:
        problems.append(found.problem)
    wanted = (
        {RunStatus.STOPPED, RunStatus.COMPLETED}
        if "stop" in actions
        else {RunStatus.COMPLETED}
    )
    if ended.status not in wanted:
        problems.append(f"{ended.status} ({ended.error})")
    if ended.status == RunStatus.COMPLETED and len(done) != EFFECTS:
        problems.append(f"{len(done)} of {EFFECTS} effects")
    problem = f"{actions}: {'; '.join(problems)}" if problems else ""
    return Trial(problem, duplicates=repeats_of(done), lost=found.lost), ended.status


async def _do(ground: Ground, run_id: UUID, person: Person, action: str) -> list[str]:
    match action:
        case "step":
            await _step(ground, run_id)
        case "kill":
            await kill_horse_of(ground, run_id)
        case "stop":
            await ground.runs.stop(run_id)
        case "dispatch twice":
            await asyncio.to_thread(enqueue, ground, run_id, count=2)
        case "answer":
            await person.answer(await ground.runs.get(run_id))
        case _:
            run = await ground.runs.get(run_id)
            taken = await asyncio.gather(person.answer(run), person.answer(run))
            if sum(taken) > 1:
                return ["two answers to one question were taken"]
    return []


async def _step(ground: Ground, run_id: UUID) -> None:
    before = (await ground.runs.get(run_id)).last_seq
    end = clock.monotonic() + STEP_SECONDS
    while clock.monotonic() < end:
        run = await ground.runs.get(run_id)
        if run.last_seq > before or run.status.is_terminal:
            return
        await asyncio.sleep(0.02)


FAULT = Fault(
    id="R-16",
    what="Random sequences of: go on for a step, kill, stop, answer, answer twice at once, two more jobs.",
    must="One end, no hole in the log, each effect at most once, and one answer to a question.",
    play=play,
    rounds=40,
    quick=4,
    changes=CHANGES,
)
