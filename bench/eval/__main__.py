"""Asks every question of a running installation: real worker, real runtime, the shipped model. `make eval`.

`--split tuning` or `--split held-out` asks one half; `--model openai/x` asks another model (configured as usual).
"""

import asyncio
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from uuid import UUID

from app.backend import bootstrap
from app.backend.agents import service as agents
from app.backend.agents.prompts import YOUR_DOCUMENTS_SAY
from app.backend.agents.templates import DOCUMENT_QA
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import Passage, RunOutput
from app.backend.core.settings import Settings
from app.backend.knowledge import service as knowledge
from app.backend.knowledge import uploads
from app.backend.knowledge.schemas import CollectionDraft, DocumentStatus
from bench.eval.questions import Question, load_questions
from bench.eval.world import make_documents
from bench.report import Row, report
from tests.factories.rows import RowFactory
from tests.processes import ForkServer
from tests.runs import Runs
from tests.stack import start_stack

GOAL = "passage in the top four >= .9, fact in the answer >= .75, right refusals >= .8"
INGEST_SECONDS_MAX = 180
RUN_SECONDS_MAX = 120.0


@dataclass(frozen=True)
class Result:
    """What became of a question."""

    question: Question
    output: RunOutput
    passages: list[Passage]
    milliseconds: float

    @property
    def is_right(self) -> bool:
        """Whether the answer has the fact; for a question without answer, whether it was refused."""
        if not self.question.is_answerable:
            return not self.output.is_answered
        return self.output.is_answered and self.question.is_answered(self.output.answer)


Test = Callable[[Result], bool]


def main() -> int:
    """Ask, report, and return 1 when a goal is missed."""
    parser = ArgumentParser(prog="python -m bench.eval")
    parser.add_argument("--split", choices=["tuning", "held-out"])
    parser.add_argument("--model", default="")
    options = parser.parse_args()
    with installation() as settings:
        results = asyncio.run(ask_all(settings, options))
    rows = summarize(results)
    report("eval", "Evaluation set", rows, goal=GOAL)
    show_wrong(results)
    return int(any(row["reached"] == "no" for row in rows))


@contextmanager
def installation() -> Generator[Settings, None, None]:
    """Start an installation with runtime, worker and scheduler."""
    with (
        start_stack("sqlite") as stack,
        ForkServer(stack) as server,
        tempfile.TemporaryDirectory() as folder,
        stack.make_installation(Path(folder) / "data") as settings,
    ):
        started = [server.start_runtime(settings)]
        started += [
            server.start(f"app.workers.{name}", settings)
            for name in ("worker", "scheduler")
        ]
        yield settings
        for process in reversed(started):
            process.stop()


async def ask_all(settings: Settings, options: Namespace) -> list[Result]:
    """Upload the documents, make the ready-made agent for them, and ask one question after the other."""
    questions = [
        item
        for item in load_questions()
        if options.split is None or item.split == options.split
    ]
    async with bootstrap.build(settings) as services:
        actor = await RowFactory(services.db).user()
        collection_id = await upload_all(services, actor)
        async with services.db.transaction() as session:
            agent = await agents.create_agent(
                session,
                actor,
                draft=DOCUMENT_QA.model_copy(
                    update={"collection_ids": [collection_id], "model": options.model}
                ),
                keyring=services.keyring,
                default_model=settings.default_model,
                tools=services.tools,
            )
        runs = Runs(services, actor)
        return [await ask(runs, agent.id, question) for question in questions]


async def upload_all(services: Services, actor: Actor) -> UUID:
    """Return a collection with every document ready."""
    async with services.db.transaction() as session:
        collection = await knowledge.create_collection(
            session,
            actor,
            draft=CollectionDraft(name="Brindlewick", description=""),
            embedding_model=services.embedder.name,
        )
    for name, body in make_documents():
        await uploads.upload_document(
            services, actor, collection_id=collection.id, name=name, body=body
        )
    async with asyncio.timeout(INGEST_SECONDS_MAX):
        while True:
            async with services.db.read() as session:
                page = await knowledge.list_documents(
                    session, actor, collection_id=collection.id
                )
            failed = [
                item.error
                for item in page.items
                if item.status == DocumentStatus.FAILED
            ]
            assert not failed, failed
            if all(item.status == DocumentStatus.READY for item in page.items):
                return collection.id
            await asyncio.sleep(0.2)


async def ask(runs: Runs, agent_id: UUID, question: Question) -> Result:
    """Run the agent once."""
    started = await runs.start(agent_id, question.question)
    ended = await runs.wait(started.id, seconds=RUN_SECONDS_MAX)
    assert ended.output is not None, f"{question.id}: {ended.status} {ended.error}"
    passages = [
        Passage.model_validate(passage)
        for event in await runs.events(started.id)
        if event.type == "retrieved"
        for passage in event.payload["passages"]
    ]
    assert ended.started_at is not None
    assert ended.completed_at is not None
    took = (ended.completed_at - ended.started_at).total_seconds() * 1000
    result = Result(question, ended.output, passages, took)
    sys.stderr.write("." if result.is_right else "x")
    sys.stderr.flush()
    return result


def summarize(results: Sequence[Result]) -> list[Row]:
    """Return one row a measure, with both halves of the set beside the whole."""
    answerable = [item for item in results if item.question.is_answerable]
    others = [item for item in results if not item.question.is_answerable]
    rows: list[Row] = [
        measure("passage in the top four", answerable, 0.9, found),
        measure("fact in the answer", answerable, 0.75, right),
        measure("right refusals", others, 0.8, right),
        measure("answered, not refused", answerable, 0.9, answered),
        measure("fact in the model's own words", answerable, 0.0, right_by_itself),
    ]
    seconds = median(item.milliseconds for item in answerable) / 1000
    sys.stderr.write(f"\nmedian of an answered run: {seconds:.1f} s\n")
    return rows


def found(result: Result) -> bool:
    """Tell whether the passage was among the first four."""
    return result.question.is_found(result.passages[:4])


def right(result: Result) -> bool:
    """Tell whether the answer or the refusal is right."""
    return result.is_right


def right_by_itself(result: Result) -> bool:
    """Tell whether the model's own words have the fact, without the quote that follows them."""
    own = result.output.answer.partition(YOUR_DOCUMENTS_SAY)[0]
    return result.output.is_answered and result.question.is_answered(own)


def answered(result: Result) -> bool:
    """Tell whether there was an answer at all."""
    return result.output.is_answered


def measure(name: str, results: Sequence[Result], goal: float, test: Test) -> Row:
    """Return the share of results that pass, over all and over each half."""

    def share(split: str = "") -> float:
        chosen = [item for item in results if split in ("", item.question.split)]
        return sum(map(test, chosen)) / len(chosen) if chosen else 0.0

    return {
        "measure": name,
        "questions": len(results),
        "all": share(),
        "tuning half": share("tuning"),
        "held-out half": share("held-out"),
        "goal": goal,
        "reached": "yes" if share() >= goal else "no",
    }


def show_wrong(results: Sequence[Result]) -> None:
    """Print what went wrong, question by question."""
    for item in results:
        if not item.is_right:
            answer = " ".join(item.output.answer.split())[:160]
            print(f"{item.question.id} {item.question.question}\n     {answer}")


if __name__ == "__main__":
    raise SystemExit(main())
