"""Calls of models whose worker was killed: the log has what they were asked and the words that came, and so what they took."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from app.backend.budgets.caps import Payer
from app.backend.budgets.ledger import read_anew
from app.backend.core.counts import ELSEWHERE, TOKENS_MAX
from app.backend.core.db import Session
from app.backend.core.run_events import UsageRecorded
from app.backend.core.stored_events import RunEvent
from app.backend.runs import engine_repository
from app.backend.runs.tables import RunRow
from app.backend.usage.prices import Price
from app.backend.usage.recording import RECORDED, Whose, record_usage

_BEGUN = ("message_started", RECORDED)


@dataclass(frozen=True)
class _Call:
    """A call that was begun, and the words that came of it."""

    begun: RunEvent
    words: Sequence[RunEvent]

    def usage(self) -> UsageRecorded:
        """Return what it took, as far as can be told."""
        asked: dict[str, Any] = self.begun.payload["call"]
        price = Price.parse(asked.get("price", ""))
        tokens_in = asked.get("tokens_in", 0)
        said = sum(event.payload["tokens"] for event in self.words)
        tokens_out = min(said, TOKENS_MAX)
        return UsageRecorded(
            call_id=self.begun.payload["message_id"],
            model=self.begun.payload["model"],
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            window=asked.get("window"),
            first_token_milliseconds=self._milliseconds(self.words[:1]),
            milliseconds=self._milliseconds(self.words[-1:]),
            price=asked.get("price", ""),
            cost_micros=price.cost_micros(tokens_in, tokens_out) if price else None,
            is_estimated=True,
            outcome="cut",
        )

    def _milliseconds(self, until: Sequence[RunEvent]) -> float:
        ended = until[0].ts if until else self.begun.ts
        return round(max(0.0, (ended - self.begun.ts).total_seconds() * 1000), 1)


async def list_cut_calls(session: Session, run_id: UUID) -> list[UsageRecorded]:
    """Return what the calls of a run took that nobody reported; whoever worked on the run writes nothing any more.

    Those that were made and paid elsewhere are left out: what they took is known there.
    """
    marks = await engine_repository.list_events_of(session, run_id, _BEGUN)
    told = {event.payload.get("call_id") for event in marks if event.type == RECORDED}
    if None in told:
        # Before calls had ids nobody could tell which were reported.
        return []
    begun = [
        event
        for event in marks
        if event.type != RECORDED
        and _is_ours(event.payload.get("call"))
        and event.payload["message_id"] not in told
    ]
    if not begun:
        return []
    words = await engine_repository.list_events_of(
        session, run_id, ["message_delta"], after=begun[0].seq
    )
    return [
        _Call(
            one,
            [w for w in words if w.payload["message_id"] == one.payload["message_id"]],
        ).usage()
        for one in begun
    ]


def _is_ours(asked: dict[str, Any] | None) -> bool:
    return bool(asked) and asked.get("price") != ELSEWHERE


async def record_cut_calls(
    session: Session, row: RunRow, events: Sequence[RunEvent], *, redis: Redis
) -> None:
    """Insert a row for each of the calls that stored `events` of a run tell of, and let them count on its budgets."""
    used = [event for event in events if event.type == RECORDED]
    if not used:
        return
    root_agent_id = await engine_repository.find_root_agent(session, row)
    payer = Payer(
        user_id=row.owner_id,
        agent_id=row.agent_id,
        run_id=row.id,
        root_id=row.root_id,
        root_agent_id=root_agent_id or row.agent_id,
        agent_owner_id=row.agent_owner_id or row.owner_id,
    )
    whose = Whose(
        owner_id=row.owner_id,
        agent_id=row.agent_id,
        agent_name=row.agent_name,
        root_id=row.root_id,
        root_agent_id=payer.root_agent_id,
    )
    connection = await session.connection()
    await connection.run_sync(record_usage, used, whose)
    await read_anew(session, redis, payer, used)
