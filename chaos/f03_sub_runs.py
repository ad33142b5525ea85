"""F-03: a worker is killed while a run waits for one that it has started."""

import asyncio
from uuid import UUID

from app.backend.agents.schemas import AgentKind
from app.backend.core.run_events import RunStatus
from app.backend.runs import trees
from app.backend.runs.schemas import RunView
from app.backend.runs.trees import RunTree
from chaos.checks import examine
from chaos.fault import Fault
from chaos.ground import END_SECONDS, Ground, in_lanes
from chaos.outcome import Outcome, Trial, sum_up
from chaos.r02_killed_worker import kill_worker_of

LANES = 2
WORDS = 40
SECONDS = 2.0
HELPER = "helper"


async def play(ground: Ground, rounds: int) -> Outcome:
    """Kill the worker of the newest run of each of `rounds` trees at a random moment."""
    await ground.open(workers=LANES + 1)
    await ground.add_agent(name=HELPER, tokens=WORDS, tokens_per_second=WORDS / SECONDS)
    foreman = await ground.rows.agent(
        ground.actor,
        name="Foreman",
        kind=AgentKind.TOOLS,
        tools=["run_agent"],
        model="scripted/delegates",
    )
    moments = ground.moments(rounds, 0.0, SECONDS + 0.5)

    async def trial(number: int) -> Trial:
        run = await ground.runs.start(foreman.id)
        await asyncio.sleep(moments[number])
        newest = (await _tree(ground, run.id)).items[-1]
        await kill_worker_of(ground, newest.id)
        return await _judge(ground, run)

    return sum_up(await in_lanes(rounds, LANES, trial))


async def _judge(ground: Ground, run: RunView) -> Trial:
    ended = await ground.runs.wait(run.id, seconds=END_SECONDS)
    tree = await _tree(ground, run.id)
    children = [item for item in tree.items if item.id != run.id]
    problems = [
        examine(await ground.runs.events(item.id)).problem for item in tree.items
    ]
    problems += [
        f"{item.agent_name} is {item.status}"
        for item in tree.items
        if item.status != RunStatus.COMPLETED
    ]
    if len(children) != 1:
        problems.append(f"{len(children)} runs below it")
    answer = ended.output.answer if ended.output else ""
    if f"word{WORDS}" not in answer:
        problems.append(f"the answer is {answer!r}")
    return Trial(
        "; ".join(filter(None, problems)), duplicates=max(0, len(children) - 1)
    )


async def _tree(ground: Ground, run_id: UUID) -> RunTree:
    async with ground.services.db.read() as session:
        return await trees.read_tree(session, ground.actor, run_id=run_id)


FAULT = Fault(
    id="F-03",
    what="A worker is killed at a random moment of a run that asks another agent, and waits for its run.",
    must="Both complete, and the agent is asked once.",
    play=play,
    rounds=10,
    quick=1,
)
