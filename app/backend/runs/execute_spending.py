"""Counts the calls of a run that is carried out here for a log that is written elsewhere."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from app.backend.agents.spec import AgentSpec
from app.backend.budgets.caps import Payer
from app.backend.budgets.spending import RunSpending, SpendingParts
from app.backend.core.db import AWAY
from app.backend.core.run_context import Emit
from app.backend.core.run_events import Event, UsageRecorded
from app.backend.runs import engine_repository
from app.backend.usage.recording import Whose, record_call

logger = structlog.get_logger(__name__)


@dataclass
class Accounts:
    """What is spent: by a run of ours, whose worker counts it, or by a caller from elsewhere, for whom it is counted here."""

    parts: SpendingParts
    spending: RunSpending
    spec: AgentSpec
    is_ours: bool
    pass_on: Emit
    _writing: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def emit(self, event: Event) -> None:
        """Pass an event on, and see to it that a call that it tells of is counted."""
        self.pass_on(event)
        if not isinstance(event, UsageRecorded):
            return
        if self.is_ours:
            self.spending.let_go(event)
            return
        task = asyncio.create_task(self._write(event), name="usage")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def finish(self) -> None:
        """Return when all is counted."""
        ends = await asyncio.gather(*self._writing, return_exceptions=True)
        for error in (end for end in ends if isinstance(end, BaseException)):
            # The run is paid and done; its answer is not lost with its account.
            logger.error("usage_not_recorded", exc_info=error)

    async def _write(self, used: UsageRecorded) -> None:
        payer, spec = self.spending.payer, self.spec
        try:
            async with self.parts.db.transaction() as session:
                event = await record_call(
                    session,
                    used,
                    whose=Whose(
                        payer.user_id,
                        payer.agent_id,
                        spec.name,
                        payer.root_id,
                        payer.root_agent_id,
                    ),
                )
        except AWAY as error:
            logger.warning("usage_not_recorded", error=str(error))
        else:
            await self.spending.settle([event])


@asynccontextmanager
async def accounts_of(
    parts: SpendingParts,
    caller: Payer,
    spec: AgentSpec,
    emit: Emit,
    *,
    our_run_id: UUID | None,
) -> AsyncGenerator[Accounts, None]:
    """Open the accounts of a run that is carried out for `our_run_id`, or for a `caller` from elsewhere."""
    ours = await _find_payer(parts, our_run_id, caller)
    async with RunSpending(parts, ours or caller, emit) as spending:
        accounts = Accounts(parts, spending, spec, ours is not None, emit)
        try:
            yield accounts
        finally:
            await accounts.finish()


async def _find_payer(
    parts: SpendingParts, run_id: UUID | None, caller: Payer
) -> Payer | None:
    if run_id is None:
        return None
    async with parts.db.read() as session:
        row = await engine_repository.find_run(session, run_id)
        if row is None:
            return None
        root = await engine_repository.find_root_agent(session, row)
    return Payer(
        user_id=row.owner_id,
        agent_id=row.agent_id,
        run_id=row.id,
        root_id=row.root_id,
        root_agent_id=root or row.agent_id,
        agent_owner_id=caller.agent_owner_id,
    )
