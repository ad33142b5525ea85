"""R-14: a service of models that refuses, fails, breaks off and hangs, as often as the worst do on a bad day."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from app.backend.core.run_events import RunStatus
from app.backend.models import service as models
from app.backend.models.schemas import Environment, ModelDraft
from app.backend.providers import service as providers
from app.backend.providers.breaker import FAILURES_MAX
from app.backend.providers.schemas import ProviderDraft
from chaos.checks import examine
from chaos.fault import Fault
from chaos.ground import END_SECONDS, Ground, in_lanes
from chaos.outcome import Outcome, Trial, sum_up
from tests.faulty_service import WORDS, Conduct, FaultyService, serving_faults

WORKERS = 2
LANES = 4
SILENCE_SECONDS = 2.0
REQUESTS_SHARE_MAX = 1.3
CONDUCTS: tuple[Conduct, ...] = ("busy", "broken", "cut", "hanging", "well")
PERCENT = (30, 10, 5, 2, 53)
ANSWERS = ("".join(WORDS), "Ready.")
FALLBACK = 'scripted/{"text": "Ready."}'
TYPED = {"TOO_MANY_REQUESTS", "SERVICE_UNAVAILABLE"}


async def play(ground: Ground, rounds: int) -> Outcome:
    """Ask the service in `rounds` runs, of which every second has a fallback; then let it fail for good."""
    await ground.open(workers=WORKERS)
    is_gone = False

    def conduct() -> Conduct:
        return "broken" if is_gone else ground.random.choices(CONDUCTS, PERCENT)[0]

    with serving_faults(conduct, retry_after="1") as service:
        alone, backed = await _add_agents(ground, service)
        agents = [alone if number % 2 else backed for number in range(rounds)]
        trials = await in_lanes(
            rounds, LANES, lambda number: _try(ground, agents[number], alone)
        )
        seen = Counter(service.seen)
        asked = len(service.seen)
        is_gone = True
        needed = await _until_left_alone(ground, service, alone)
    problems = [
        *_too_many(asked, rounds),
        *([] if needed <= FAILURES_MAX else [f"left alone after {needed} failures"]),
    ]
    outcome = sum_up(
        trials,
        figures={
            "requests for each run": f"{asked / rounds:.2f}",
            "what the service did": ", ".join(
                f"{n} {what}" for what, n in seen.items()
            ),
            "failures until it is left alone": f"{needed}",
        },
    )
    return Outcome(
        good=outcome.good,
        of=outcome.of,
        duplicates=outcome.duplicates,
        lost=outcome.lost,
        figures=outcome.figures,
        problems=[*outcome.problems, *problems],
    )


async def _add_agents(ground: Ground, service: FaultyService) -> tuple[UUID, UUID]:
    """Connect the service; return an agent that has nothing but it, and one with a fallback."""
    draft = ProviderDraft.model_validate(
        {
            "type": "openai_compatible",
            "name": "faulty",
            "settings": {"base_url": service.url},
        }
    )
    async with ground.services.db.transaction() as session:
        provider = await providers.create_provider(
            session, ground.actor, draft=draft, parts=ground.services
        )
        view = await models.add_model(
            session,
            ground.actor,
            draft=ModelDraft.model_validate(
                {"provider_id": provider.id, "name": "any"}
            ),
            environment=Environment.LAB,
        )
    add = ground.rows.agent
    alone = await add(ground.actor, name="Alone", model=view.full_name)
    backed = await add(
        ground.actor, name="Backed", model=view.full_name, fallbacks=[FALLBACK]
    )
    return alone.id, backed.id


async def _try(ground: Ground, agent_id: UUID, alone: UUID) -> Trial:
    run_id = (await ground.runs.start(agent_id)).id
    run = await ground.runs.wait(run_id, seconds=END_SECONDS)
    events = await ground.runs.events(run_id)
    found = examine(events)
    answers = await ground.count_answers(run)
    problem = found.problem
    if run.status == RunStatus.COMPLETED:
        if run.output is None or run.output.answer not in ANSWERS:
            problem = f"an answer that nobody gave: {run.output}; {problem}"
        elif answers != 1:
            problem = f"{answers} answers; {problem}"
    elif agent_id != alone:
        problem = f"{run.status} ({run.error}) with a fallback; {problem}"
    elif not TYPED & {str(event.payload.get("code")) for event in events}:
        problem = f"{run.status} without a typed error ({run.error}); {problem}"
    return Trial(problem, duplicates=max(0, answers - 1), lost=found.lost)


async def _until_left_alone(
    ground: Ground, service: FaultyService, agent_id: UUID
) -> int:
    """Run until a run asks the service nothing more; return how many failures that took."""
    # What failed before in a row counts too, and would make it seem better.
    await ground.services.redis.delete(*await _counters(ground))
    before = len(service.seen)
    asked = -1
    while asked != len(service.seen):
        asked = len(service.seen)
        run = await ground.runs.start(agent_id)
        await ground.runs.wait(run.id, seconds=END_SECONDS)
    return asked - before


async def _counters(ground: Ground) -> Sequence[str]:
    keys: list[str] = await ground.services.redis.keys("app:providers:*:failures")
    return [*keys, "none"]


def _too_many(asked: int, rounds: int) -> list[str]:
    share = asked / rounds
    if share <= REQUESTS_SHARE_MAX:
        return []
    return [f"{share:.2f} requests for each run, more than {REQUESTS_SHARE_MAX}"]


FAULT = Fault(
    id="R-14",
    what="A service of models answers 30 % of the requests with 429, 10 % with 500, breaks off 5 % and lets 2 % hang; then it only fails.",
    must="Every run ends with an answer or a typed error, with a fallback always with an answer; at most 1.3 requests a run; it is left alone within 5 failures.",
    play=play,
    rounds=200,
    quick=100,
    changes={"model_silence_seconds": SILENCE_SECONDS},
)
