"""`atelier budget`: how much may be spent on models."""

from typing import Annotated
from uuid import UUID

import typer

from app.backend.budgets import service as budgets
from app.backend.budgets.schemas import (
    BudgetChange,
    BudgetDraft,
    BudgetPeriod,
    BudgetPolicy,
    BudgetScope,
    BudgetUnit,
    BudgetView,
)
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.errors import Invalid
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity import people, tiers
from app.backend.identity import service as identity
from app.backend.models.catalog import open_catalog
from app.backend.usage.words import money, token_words
from app.cli import output
from app.cli.edge import Rows, command, open_rows, read, work
from app.cli.lookup import find_agent, need_uuid
from app.cli.options import AsOption, JsonOption

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="How much may be spent on models.",
)

IdArgument = Annotated[str, typer.Argument(metavar="BUDGET", help="Its id.")]
UnitOption = Annotated[
    BudgetUnit | None, typer.Option(help="What is counted; default: usd.")
]
PeriodOption = Annotated[
    BudgetPeriod | None, typer.Option(help="How long it lasts; default: a day.")
]
PolicyOption = Annotated[
    BudgetPolicy | None,
    typer.Option(help="What happens when it is used up; default: runs stop."),
]


@app.callback()
def _budget() -> None:
    """How much may be spent on models."""


@app.command("list")
@command
async def list_all(
    agent: Annotated[str | None, typer.Option(help="Id or name of an agent.")] = None,
    is_everyone: Annotated[
        bool, typer.Option("--everyone", help="Of all users; for administrators.")
    ] = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """List budgets and how much of each is used, newest first; at most 200."""
    async with read(as_email) as (session, actor):
        found = await find_agent(session, actor, agent) if agent else None
        page = await budgets.list_budgets(
            session,
            actor,
            is_everyone=is_everyone,
            agent_id=found.id if found else None,
            limit=PAGE_SIZE_MAX,
        )
    if is_json:
        output.print_json(page)
    else:
        _print(page.items)


@app.command()
@command
async def show(
    budget: IdArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Print a budget, and how much of it is used."""
    async with read(as_email) as (session, actor):
        budget_id = need_uuid(budget, "budget")
        view = await budgets.get_budget(
            session, actor, budget_id=budget_id, is_everyone=_sees_all(actor)
        )
    if is_json:
        output.print_json(view)
    else:
        _print([view])


@app.command("set")
@command
async def set_budget(
    amount: Annotated[float, typer.Argument(help="US dollars, or tokens.")],
    budget: Annotated[
        str | None, typer.Option("--id", help="Change this one instead of a new one.")
    ] = None,
    unit: UnitOption = None,
    period: PeriodOption = None,
    policy: PolicyOption = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Answers when it is used up, with cheaper; else the cheap default."
        ),
    ] = None,
    agent: Annotated[str | None, typer.Option(help="For this agent.")] = None,
    user: Annotated[
        str | None, typer.Option(help="For the user at this address.")
    ] = None,
    tier: Annotated[
        str | None, typer.Option(help="For each person of the tier of this name.")
    ] = None,
    is_for_all: Annotated[
        bool, typer.Option("--installation", help="For the whole installation.")
    ] = False,
    is_on: Annotated[
        bool | None, typer.Option("--on/--off", help="Whether it counts; default: on.")
    ] = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Set a budget, for oneself unless somebody or something else is named; or change one."""
    values = {
        "amount": amount,
        "unit": unit,
        "period": period,
        "policy": policy,
        "cheaper_model": model,
        "is_active": is_on,
    }
    named = {name: value for name, value in values.items() if value is not None}
    _need_one(id=budget, agent=agent, tier=tier, user=user, installation=is_for_all)
    async with open_rows() as rows:
        async with rows.db.read() as session:
            actor = await identity.find_actor_by_email(session, as_email)
            subject = (
                {"scope": BudgetScope.INSTALLATION}
                if is_for_all
                else await _subject(session, actor, agent=agent, tier=tier, user=user)
            )
        await _check_model(rows, actor, model)
        async with rows.db.transaction() as session:
            if budget is None:
                draft = BudgetDraft.model_validate({**named, **subject})
                view = await budgets.create_budget(session, actor, draft=draft)
            else:
                view = await budgets.change_budget(
                    session,
                    actor,
                    budget_id=need_uuid(budget, "budget"),
                    change=BudgetChange.model_validate(named),
                    is_everyone=_sees_all(actor),
                )
    if is_json:
        output.print_json(view)
    else:
        _print([view])


@app.command()
@command
async def delete(
    budget: IdArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Delete a budget."""
    async with work(as_email) as (session, actor):
        budget_id = need_uuid(budget, "budget")
        await budgets.delete_budget(
            session, actor, budget_id=budget_id, is_everyone=_sees_all(actor)
        )
    output.tell({"deleted": budget}, "Deleted.", is_json=is_json)


def _sees_all(actor: Actor) -> bool:
    return actor.may(Permission.VIEW_USER)


def _need_one(**subjects: str | bool | None) -> None:
    given = [f"--{name}" for name, value in subjects.items() if value]
    if len(given) > 1:
        message = f"Say one of {' and '.join(given)}: a budget is for one subject, and stays with it."
        raise Invalid.field("budget", message)


async def _subject(
    session: Session,
    actor: Actor,
    *,
    agent: str | None,
    tier: str | None,
    user: str | None,
) -> dict[str, BudgetScope | UUID]:
    if tier:
        tier_id = await tiers.find_id(session, actor, name=tier)
        return {"scope": BudgetScope.TIER, "tier_id": tier_id}
    if agent:
        found = await find_agent(session, actor, agent)
        return {"scope": BudgetScope.AGENT, "agent_id": found.id}
    if user:
        return {"user_id": await people.find_id(session, actor, email=user)}
    return {}


async def _check_model(rows: Rows, actor: Actor, model: str | None) -> None:
    if not model:
        return
    catalog = open_catalog(rows.settings, rows.db, rows.keyring)
    try:
        await budgets.check_model(catalog, actor, model)
    finally:
        await catalog.close()


def _print(views: list[BudgetView]) -> None:
    output.print_table(
        ("id", "for", "amount", "lasts", "used", "then"),
        [
            (
                view.id,
                _subject_of(view),
                _amount(view, view.amount),
                view.period,
                _used(view),
                _then(view),
            )
            for view in views
        ],
    )


def _subject_of(view: BudgetView) -> str:
    match view.scope:
        case BudgetScope.INSTALLATION:
            return "everybody"
        case BudgetScope.TIER:
            return f"each of tier {view.tier_name!r}"
        case BudgetScope.USER:
            return view.user_email
        case BudgetScope.AGENT:
            return f"agent {view.agent_name!r}"


def _used(view: BudgetView) -> str:
    if view.amount is None:
        return "used up" if view.is_used_up else ""
    if view.spent is None:
        return ""
    return f"{_amount(view, view.spent)} ({view.percent} %)"


def _amount(view: BudgetView, amount: float | None) -> str:
    if amount is None:
        return ""
    stored = view.unit.stored(amount)
    return money(stored) if view.unit is BudgetUnit.USD else token_words(stored)


def _then(view: BudgetView) -> str:
    if not view.is_active:
        return "switched off"
    is_cheaper = view.policy is BudgetPolicy.CHEAPER
    return (view.cheaper_model or "cheap default") if is_cheaper else view.policy
