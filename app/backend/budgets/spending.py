"""The budgets of one run: each call of a model is set aside before, and settled after its row is committed."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import Protocol
from uuid import UUID

import structlog
from redis.asyncio import Redis

from app.backend.budgets import repository
from app.backend.budgets.caps import Cap, Payer
from app.backend.budgets.cheaper import list_cheaper
from app.backend.budgets.errors import PriceUnknown
from app.backend.budgets.ledger import (
    NO_LIMIT,
    RENEW_SECONDS,
    Busy,
    Full,
    Held,
    Ledger,
    Slot,
)
from app.backend.budgets.schemas import BudgetPeriod, BudgetPolicy, BudgetUnit
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.db import AWAY, Database
from app.backend.core.questions import (
    Answer,
    Choice,
    NeedsPerson,
    Question,
    QuestionKind,
)
from app.backend.core.run_context import Emit
from app.backend.core.run_events import BudgetNoticed, Event, Step, UsageRecorded
from app.backend.core.settings import Settings
from app.backend.core.spending import OverBudget, PlannedCall
from app.backend.core.stored_events import RunEvent

logger = structlog.get_logger(__name__)

NOTICE_PERCENT = 80
BUSY_SECONDS = 0.1
# A run's last call is counted within a moment; that is not worth a line of its log.
SAID_SECONDS = 0.5
# A budget that was changed counts from then on, also for runs that go on.
FRESH_SECONDS = 2.0
MORE, STOP = "more", "stop"
_USED = "usage_recorded"
_ORDER = (BudgetPolicy.STOP, BudgetPolicy.ASK, BudgetPolicy.CHEAPER)


class SpendingParts(Protocol):
    """What it takes to count; a process's Services has it all."""

    @property
    def settings(self) -> Settings:
        """How long a lease is."""
        ...

    @property
    def db(self) -> Database:
        """The rows of budgets and of usage."""
        ...

    @property
    def redis(self) -> Redis:
        """What is set aside."""
        ...


@dataclass
class RunSpending:
    """Counts the calls of one run; `answers` are what its person was asked before, None where nobody can be asked."""

    parts: SpendingParts
    payer: Payer
    emit: Emit
    answers: Mapping[str, Answer] | None = None
    _open: dict[UUID, tuple[Sequence[Slot], Held]] = field(
        default_factory=dict[UUID, tuple[Sequence[Slot], Held]]
    )
    _instead: dict[str, tuple[Cap, str, str]] = field(
        default_factory=dict[str, tuple[Cap, str, str]]
    )
    _told: set[tuple[UUID, str]] = field(default_factory=set[tuple[UUID, str]])
    _telling: asyncio.Lock = field(default_factory=asyncio.Lock)
    _caps: Sequence[Cap] = ()
    _read_at: float = float("-inf")
    _renewing: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self._ledger = Ledger(
            self.parts.redis,
            self.parts.db,
            lease_seconds=self.parts.settings.lease_seconds,
        )

    async def __aenter__(self) -> "RunSpending":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._renewing is not None:
            self._renewing.cancel()

    def model_for(self, name: str) -> str:
        """Return the model that a budget has led to, so that the one that it does not allow is not tried each time."""
        led = self._instead.get(name)
        if led is None:
            return name
        cap, period, instead = led
        is_same = cap in self._caps and cap.period_of(self.payer, _today()) == period
        return instead if is_same else name

    async def reserve(self, call: PlannedCall) -> None:
        """Return when the most that `call` may take is set aside on all budgets that it counts on.

        Raises:
            OverBudget: a budget is used up.
            NeedsPerson: a budget is used up, and its owner is asked for more.
            PriceUnknown: a budget in money cannot count the model.
            BudgetsAway: Redis does not answer.
        """
        # One that is tried again begins anew.
        self._open.pop(call.id, None)
        began, has_said = clock.monotonic(), False
        while slots := await self._slots(await self._list_caps(), call):
            match await self._ledger.reserve(call.id, slots):
                case Held() as held:
                    self._open[call.id] = slots, held
                    self._keep()
                    await self._notice(slots, held)
                    return
                case Full(slots=full):
                    await self._refuse(call, slots, full)
                case Busy(slots=busy):
                    is_long = clock.monotonic() - began >= SAID_SECONDS
                    if is_long and not has_said:
                        self._say_waits(busy[0].cap)
                        has_said = True
                    await asyncio.sleep(BUSY_SECONDS)

    def let_go(self, used: UsageRecorded) -> None:
        """Leave it to whoever writes the log to settle a call; what is set aside runs out if they do not."""
        if used.call_id is not None:
            self._open.pop(used.call_id, None)

    async def settle(self, events: Iterable[RunEvent]) -> None:
        """Count the calls that stored `events` tell of; what cannot be counted now is read from the rows later."""
        for event in events:
            call_id = event.payload.get("call_id") if event.type == _USED else None
            if call_id is None:
                continue
            try:
                await self._settle(UUID(str(call_id)), event)
            except AWAY as error:
                logger.warning("budget_not_settled", error=str(error))

    async def _settle(self, call_id: UUID, event: RunEvent) -> None:
        slots, _ = self._open.pop(call_id, ((), None))
        # Read anew: one that was set in the middle of the call has counted the rows before this one.
        caps = await self._list_caps(is_fresh=True)
        took = {slot.keys: (slot, 0) for slot in slots}
        for cap in caps:
            slot = Slot(cap, cap.period_of(self.payer, event.ts.date()), wanted=0)
            took[slot.keys] = slot, _amount(cap, event)
        if took:
            # A renewal that came after it would set aside what nobody takes any more.
            async with self._telling:
                await self._ledger.settle(call_id, list(took.values()))

    async def _list_caps(self, *, is_fresh: bool = False) -> Sequence[Cap]:
        now = clock.monotonic()
        if is_fresh or now - self._read_at > FRESH_SECONDS:
            async with self.parts.db.read() as session:
                self._caps = await repository.list_caps(session, self.payer)
            self._read_at = now
        return self._caps

    async def _slots(self, caps: Sequence[Cap], call: PlannedCall) -> list[Slot]:
        slots: list[Slot] = []
        for cap in caps:
            if cap.unit is BudgetUnit.USD and call.cost_micros is None:
                raise PriceUnknown(call.model, self._name(cap))
            wanted = (
                call.cost_micros
                if cap.unit is BudgetUnit.USD
                else call.tokens_in + call.tokens_out
            )
            if wanted:
                period = cap.period_of(self.payer, _today())
                limit = await self._limit(cap, period, call)
                slots.append(Slot(cap, period, wanted, limit))
        return slots

    async def _limit(self, cap: Cap, period: str, call: PlannedCall) -> int:
        if cap.policy is BudgetPolicy.CHEAPER and await self._goes_on(cap, call.model):
            return NO_LIMIT
        given = (answer.choice for answer in self._answers_to(cap, period))
        return cap.amount + sum(int(choice.partition(":")[2] or 0) for choice in given)

    async def _goes_on(self, cap: Cap, model: str) -> bool:
        if cap.cheaper_model:
            return model == cap.cheaper_model
        # What an agent asks by itself is no cheaper than it was.
        is_led_to = any(model == instead for _, _, instead in self._instead.values())
        return is_led_to and model in await self._list_cheaper(cap)

    async def _list_cheaper(self, cap: Cap) -> list[str]:
        return await list_cheaper(self.parts, cap, self.payer.agent_owner_id)

    def _answers_to(self, cap: Cap, period: str) -> list[Answer]:
        asked = _asked(cap, period)
        answers = (self.answers or {}).items()
        return [answer for key, answer in answers if key.startswith(asked)]

    async def _refuse(
        self,
        call: PlannedCall,
        slots: Sequence[Slot],
        full: Sequence[tuple[Slot, int]],
    ) -> None:
        slot, spent = min(full, key=lambda one: _ORDER.index(self._policy(one[0].cap)))
        cap, reason = slot.cap, slot.cap.used_up(spent, self.payer.user_id)
        match self._policy(cap):
            case BudgetPolicy.STOP:
                raise OverBudget(reason)
            case BudgetPolicy.ASK:
                raise NeedsPerson(self._question(slot, spent))
            case BudgetPolicy.CHEAPER:
                ended = [one for one, _ in full]
                ended += [one for one in slots if one.limit == NO_LIMIT]
                instead = await self._find_instead(call.model, ended)
                if instead:
                    self._instead[call.model] = cap, slot.period, instead
                raise OverBudget(reason, instead=instead)

    async def _find_instead(self, model: str, ended: Sequence[Slot]) -> str:
        """Return the model that all budgets that are used up allow in the place of one; empty: there is none."""
        first, *others = [await self._list_cheaper(slot.cap) for slot in ended]
        return next(
            (
                name
                for name in first
                if name != model and all(name in allowed for allowed in others)
            ),
            "",
        )

    def _policy(self, cap: Cap) -> BudgetPolicy:
        payer = self.payer
        match cap.policy:
            case BudgetPolicy.STOP:
                may_go_on = False
            case BudgetPolicy.ASK:
                # Nobody allows themselves what somebody else limits.
                may_go_on = self.answers is not None and cap.owner_id == payer.user_id
            case BudgetPolicy.CHEAPER:
                # It is asked with the keys of the agent's owner, so only they and administrators choose it.
                may_go_on = cap.is_set_by_others or cap.owner_id == payer.agent_owner_id
        return cap.policy if may_go_on else BudgetPolicy.STOP

    def _question(self, slot: Slot, spent: int) -> Question:
        cap, count = slot.cap, len(self._answers_to(slot.cap, slot.period))
        used_up = cap.used_up(spent, self.payer.user_id)
        more = max(cap.amount // 2, spent - slot.limit + slot.wanted)
        return Question(
            id=f"{_asked(cap, slot.period)}{count + 1}",
            kind=QuestionKind.BUDGET,
            text=f"{used_up.partition('. ')[0]}. May this run spend {cap.words(more)} more?",
            evidence={
                "budget": self._name(cap),
                "spent": cap.words(spent),
                "next call at most": cap.words(slot.wanted),
            },
            choices=[
                Choice(value=f"{MORE}:{more}", label=f"Allow {cap.words(more)} more"),
                Choice(value=STOP, label="Stop the run", ends_run=True),
            ],
        )

    def _say_waits(self, cap: Cap) -> None:
        what = f"Waits until other calls are counted: they may need all that is left of {self._name(cap)}."
        self.emit(Step(content=what))

    async def _notice(self, slots: Sequence[Slot], held: Held) -> None:
        for slot, spent in zip(slots, held.spent, strict=True):
            cap, period = slot.cap, slot.period
            percent = 100 * spent // cap.amount
            if percent < NOTICE_PERCENT or (cap.id, period) in self._told:
                continue
            self._told.add((cap.id, period))
            if cap.noticed == period or not await self._write_down(slot):
                continue
            name = self._name(cap)
            state = "used up" if percent >= 100 else f"nearly used up ({percent} %)"
            message = f"{name[0].upper()}{name[1:]} is {state}."
            notice = BudgetNoticed(budget_id=cap.id, percent=percent, message=message)
            self.emit(notice)

    def _name(self, cap: Cap) -> str:
        return cap.name_for(self.payer.user_id)

    async def _write_down(self, slot: Slot) -> bool:
        if slot.cap.period is BudgetPeriod.RUN:
            return True
        if slot.cap.person_id is not None:
            # Its row is that of all people of the tier.
            return await self._ledger.is_first_to_tell(slot)
        async with self.parts.db.transaction() as session:
            return await repository.note(session, slot.cap, slot.period)

    def _keep(self) -> None:
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew(), name="budgets")

    async def _renew(self) -> None:
        while self._open:
            await asyncio.sleep(RENEW_SECONDS)
            for call_id in list(self._open):
                async with self._telling:
                    if call_id in self._open:
                        await self._ledger.renew(call_id, *self._open[call_id])


def _asked(cap: Cap, period: str) -> str:
    return f"budget:{cap.id}:{cap.unit}:{period}:"


def _amount(cap: Cap, event: RunEvent) -> int:
    used = event.payload
    if cap.unit is BudgetUnit.USD:
        return used["cost_micros"] or 0
    return used["tokens_in"] + used["tokens_out"]


def _today() -> date:
    return clock.now().date()


def spending_of(parts: SpendingParts, actor: Actor) -> RunSpending:
    """Return the budgets of a call that the actor makes without an agent and a run; nobody can be asked for more."""
    call_id = ids.new_id()
    payer = Payer(actor.user_id, None, call_id, call_id, None, actor.user_id)
    return RunSpending(parts, payer, emit=_tell_nobody)


def _tell_nobody(event: Event) -> None:
    """The page has the answer, and no log."""
