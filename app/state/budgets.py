"""Budgets: how full each is, and the form of one."""

from contextlib import suppress
from typing import Any
from uuid import UUID

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app.backend.agents import service as agents
from app.backend.budgets import service as budgets
from app.backend.budgets.schemas import BudgetChange, BudgetDraft, BudgetView
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.errors import Invalid, NotFound
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.core.texts import Text
from app.backend.identity import people, tiers
from app.state import edge, notices
from app.state.budget_lines import BudgetLine, budget_line
from app.state.forms import FormMixin
from app.state.lines import Line

ME, EVERYBODY, SOMEBODY = "me", "installation", "somebody"
AGENT, TIER = "agent:", "tier:"
CHEAPER = "cheaper"


class Choice(Line):
    """What a list offers; `id` is its value."""

    name: str


class BudgetValues(BaseModel):
    """What the form begins with."""

    model_config = ConfigDict(frozen=True)

    subject: str = ME
    amount: str = ""
    unit: str = "usd"
    period: str = "day"
    policy: str = "stop"
    cheaper_model: str = ""
    is_active: bool = True


class _Sent(BaseModel):
    subject: Text = ME
    email: Text = ""
    amount: float
    unit: Text
    period: Text
    policy: Text
    cheaper_model: Text = ""
    is_active: bool = False


class BudgetsState(FormMixin, rx.State):
    """The budgets that somebody may see, and the form of the one that is open."""

    rows: rx.Field[list[BudgetLine]] = rx.field(default_factory=list)
    of_agent: rx.Field[list[BudgetLine]] = rx.field(default_factory=list)
    is_everyone: rx.Field[bool] = rx.field(False)
    may_set: rx.Field[bool] = rx.field(False)
    is_open: rx.Field[bool] = rx.field(False)
    editing_id: rx.Field[str] = rx.field("")
    editing_name: rx.Field[str] = rx.field("")
    values: rx.Field[BudgetValues] = rx.field(default_factory=BudgetValues)
    agents: rx.Field[list[Choice]] = rx.field(default_factory=list)
    tiers: rx.Field[list[Choice]] = rx.field(default_factory=list)
    models: rx.Field[list[Choice]] = rx.field(default_factory=list)
    form_key: rx.Field[int] = rx.field(0)
    doomed_id: rx.Field[str] = rx.field("")
    doomed_name: rx.Field[str] = rx.field("")

    @rx.event
    @edge.requires(Permission.VIEW_BUDGET)
    async def load(self) -> None:
        """Show the budgets."""
        await self._show()

    @rx.event
    @edge.requires(Permission.VIEW_BUDGET)
    async def load_of_agent(self) -> None:
        """Show the budgets of the agent whose page it is."""
        self.of_agent = []
        # Whether there is such an agent, the page says.
        with suppress(NotFound):
            agent_id = edge.id_in_path(self, "agent")
            async with edge.read(self) as (session, actor):
                page = await budgets.list_budgets(session, actor, agent_id=agent_id)
            self.of_agent = [budget_line(view) for view in page.items]

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Ask nothing any more."""
        self._close()

    @rx.event
    @edge.requires(Permission.VIEW_USER)
    async def show_everyone(self, is_on: bool) -> None:
        """Show those of all users too, or not."""
        self.is_everyone = is_on
        await self._show()

    @rx.event
    @edge.requires(Permission.CHANGE_BUDGET)
    async def open_form(self) -> None:
        """Ask for a new budget."""
        await self._open(BudgetValues())

    @rx.event
    @edge.requires(Permission.CHANGE_BUDGET)
    async def edit(self, budget_id: str) -> None:
        """Ask what to change."""
        wanted = edge.parse_id(budget_id, "budget")
        async with edge.read(self) as (session, actor):
            view = await budgets.get_budget(
                session, actor, budget_id=wanted, is_everyone=self.is_everyone
            )
        await self._open(_values_of(view))
        line = budget_line(view)
        self.editing_id, self.editing_name = line.id, line.subject

    @rx.event
    @edge.requires(Permission.CHANGE_BUDGET)
    async def choose(self, name: str, value: str) -> None:
        """Show the fields that a choice needs."""
        if name in {"subject", "policy"}:
            self.values = self.values.model_copy(update={name: value[:300]})

    @rx.event
    @edge.requires(Permission.CHANGE_BUDGET)
    async def close(self) -> None:
        """Close what is open."""
        self._close()

    @rx.event
    @edge.requires(Permission.CHANGE_BUDGET)
    async def save(self, form: dict[str, Any]) -> Any:
        """Set the budget, or change it."""
        self._clear_errors()
        # A field that is not shown comes as nothing.
        sent = _Sent.model_validate({k: v for k, v in form.items() if v is not None})
        model = sent.cheaper_model if sent.policy == CHEAPER else ""
        limit = sent.model_dump(exclude={"subject", "email"})
        values = {**limit, "cheaper_model": model}
        actor = await edge.require_actor(self)
        await budgets.check_model(edge.services().models, actor, model)
        async with edge.work(self) as (session, actor):
            if self.editing_id:
                await self._change(session, actor, values)
            else:
                draft = await self._draft(session, actor, sent, values)
                await budgets.create_budget(session, actor, draft=draft)
        self._close()
        await self._show()
        return notices.done("The budget is set.")

    @rx.event
    @edge.requires(Permission.CHANGE_BUDGET)
    async def ask_delete(self, budget_id: str, name: str) -> None:
        """Ask before deleting."""
        self._close()
        self.doomed_id, self.doomed_name = budget_id, name

    @rx.event
    @edge.requires(Permission.CHANGE_BUDGET)
    async def delete(self) -> Any:
        """Delete the budget that was asked about."""
        doomed = edge.parse_id(self.doomed_id, "budget")
        self._close()
        async with edge.work(self) as (session, actor):
            await budgets.delete_budget(
                session, actor, budget_id=doomed, is_everyone=self.is_everyone
            )
        await self._show()
        return notices.done("The budget is deleted.")

    async def _change(
        self, session: Session, actor: Actor, values: dict[str, Any]
    ) -> None:
        await budgets.change_budget(
            session,
            actor,
            budget_id=edge.parse_id(self.editing_id, "budget"),
            change=BudgetChange.model_validate(values),
            is_everyone=self.is_everyone,
        )

    async def _draft(
        self, session: Session, actor: Actor, sent: _Sent, values: dict[str, Any]
    ) -> BudgetDraft:
        subject: dict[str, Any] = {"scope": "user"}
        if sent.subject == EVERYBODY:
            subject = {"scope": EVERYBODY}
        elif sent.subject == SOMEBODY:
            subject["user_id"] = await _find_user(session, actor, sent.email)
        elif sent.subject.startswith(AGENT):
            agent_id = edge.parse_id(sent.subject.removeprefix(AGENT), "agent")
            subject = {"scope": "agent", "agent_id": agent_id}
        elif sent.subject.startswith(TIER):
            tier_id = edge.parse_id(sent.subject.removeprefix(TIER), "tier")
            subject = {"scope": "tier", "tier_id": tier_id}
        return BudgetDraft.model_validate({**values, **subject})

    async def _open(self, values: BudgetValues) -> None:
        self._close()
        async with edge.read(self) as (session, actor):
            page = await agents.list_agents(session, actor, limit=PAGE_SIZE_MAX)
            self.tiers = await _list_tiers(session, actor)
        found = await edge.services().models.list(actor)
        self.agents = [
            Choice(id=f"{AGENT}{one.id}", name=one.name) for one in page.items
        ]
        names = [view.name for view in found if view.is_available]
        if values.cheaper_model and values.cheaper_model not in names:
            names.insert(0, values.cheaper_model)
        self.models = [Choice(id=name, name=name) for name in names]
        self.values, self.is_open = values, True
        self.form_key += 1

    def _close(self) -> None:
        self._clear_errors()
        self.is_open = False
        self.editing_id = self.editing_name = self.doomed_id = self.doomed_name = ""

    async def _show(self) -> None:
        async with edge.read(self) as (session, actor):
            is_everyone = self.is_everyone and actor.may(Permission.VIEW_USER)
            page = await budgets.list_budgets(
                session, actor, is_everyone=is_everyone, limit=PAGE_SIZE_MAX
            )
        self.is_everyone = is_everyone
        self.may_set = actor.may(Permission.CHANGE_BUDGET)
        self.rows = [budget_line(view) for view in page.items]


async def _list_tiers(session: Session, actor: Actor) -> list[Choice]:
    if not actor.may(Permission.VIEW_USER):
        return []
    page = await tiers.list_tiers(session, actor, limit=PAGE_SIZE_MAX)
    return [Choice(id=f"{TIER}{one.id}", name=one.name) for one in page.items]


async def _find_user(session: Session, actor: Actor, email: str) -> UUID:
    try:
        return await people.find_id(session, actor, email=email)
    except NotFound:
        message = "Nobody here has this address. Look at the page People."
        raise Invalid.field("email", message) from None


def _values_of(view: BudgetView) -> BudgetValues:
    return BudgetValues(
        subject="",
        amount=f"{view.amount or 0:.6f}".rstrip("0").rstrip("."),
        unit=view.unit,
        period=view.period,
        policy=view.policy,
        cheaper_model=view.cheaper_model,
        is_active=view.is_active,
    )
