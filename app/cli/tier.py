"""`atelier tier`: what people may use."""

from typing import Annotated, Any

import typer

from app.backend.core.errors import Invalid
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity import people, tiers
from app.backend.identity.tier_schemas import (
    LIMIT_MAX,
    Limits,
    PersonLimits,
    PersonLimitsDraft,
    TierDraft,
    TierView,
)
from app.cli import output
from app.cli.edge import command, read, work
from app.cli.options import AsOption, JsonOption

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="What people may use."
)

NONE = "none"
_OUTSIDE = f"Write a whole number from 1 to {LIMIT_MAX:,}, or {NONE!r}."
NameArgument = Annotated[str, typer.Argument(help="Name of the tier.")]
EmailArgument = Annotated[str, typer.Argument(help="Address of the person.")]


def _limit(text: str) -> Any:
    return typer.Option(help=f"{text}; a number, or {NONE!r}.")


RequestsOption = Annotated[str | None, _limit("Requests a minute")]
RunsOption = Annotated[str | None, _limit("Runs begun on a day")]
ActiveOption = Annotated[str | None, _limit("Runs queued or running at once")]
StorageOption = Annotated[str | None, _limit("Megabytes of uploaded files")]


@app.callback()
def _tier() -> None:
    """What people may use."""


@app.command("list")
@command
async def list_all(as_email: AsOption = None, is_json: JsonOption = False) -> None:
    """List tiers, newest first; at most 200."""
    async with read(as_email) as (session, actor):
        page = await tiers.list_tiers(session, actor, limit=PAGE_SIZE_MAX)
    if is_json:
        output.print_json(page)
        return
    heads = ("name", "people", "requests/min", "runs/day", "active", "MB")
    output.print_table(
        heads, [(_name(one), one.people, *_cells(one)) for one in page.items]
    )


@app.command()
@command
async def create(
    name: NameArgument,
    requests: RequestsOption = None,
    runs: RunsOption = None,
    active: ActiveOption = None,
    storage: StorageOption = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Make a tier; what is not said has no limit."""
    given = _given(requests, runs, active, storage)
    draft = TierDraft.model_validate({"name": name, **given})
    async with work(as_email) as (session, actor):
        view = await tiers.create_tier(session, actor, draft=draft)
    _print_tier(view, is_json=is_json)


@app.command("set")
@command
async def change(
    name: NameArgument,
    new: Annotated[str | None, typer.Option("--name", help="Its new name.")] = None,
    is_default: Annotated[
        bool, typer.Option("--default", help="For all who have no other tier.")
    ] = False,
    requests: RequestsOption = None,
    runs: RunsOption = None,
    active: ActiveOption = None,
    storage: StorageOption = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Change a tier; what is not said stays."""
    changes = _given(requests, runs, active, storage)
    if new is not None:
        changes["name"] = new
    if is_default:
        changes["is_default"] = True
    async with work(as_email) as (session, actor):
        tier_id = await tiers.find_id(session, actor, name=name)
        now = await tiers.get_tier(session, actor, tier_id=tier_id)
        draft = TierDraft.model_validate(now.model_dump() | changes)
        view = await tiers.change_tier(session, actor, tier_id=tier_id, draft=draft)
    _print_tier(view, is_json=is_json)


@app.command()
@command
async def delete(
    name: NameArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Delete a tier; its people are in the default one from then on."""
    async with work(as_email) as (session, actor):
        tier_id = await tiers.find_id(session, actor, name=name)
        await tiers.delete_tier(session, actor, tier_id=tier_id)
    output.tell(
        {"deleted": str(tier_id)}, f"Deleted the tier {name!r}.", is_json=is_json
    )


@app.command()
@command
async def show(
    email: EmailArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Show the tier of a person, and what they may use."""
    async with read(as_email) as (session, actor):
        user_id = await people.find_id(session, actor, email=email)
        view = await tiers.get_person_limits(session, actor, user_id=user_id)
    _print_person(view, is_json=is_json)


@app.command()
@command
async def give(
    email: EmailArgument,
    tier: Annotated[
        str | None, typer.Option(help=f"Name of the tier; {NONE!r}: the default one.")
    ] = None,
    requests: RequestsOption = None,
    runs: RunsOption = None,
    active: ActiveOption = None,
    storage: StorageOption = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Put a person into a tier, and give them limits of their own; what is not said stays."""
    changes = _given(requests, runs, active, storage)
    async with work(as_email) as (session, actor):
        user_id = await people.find_id(session, actor, email=email)
        now = await tiers.get_person_limits(session, actor, user_id=user_id)
        tier_id = now.tier_id
        if tier is not None:
            is_none = tier == NONE
            tier_id = (
                None if is_none else await tiers.find_id(session, actor, name=tier)
            )
        own = Limits.model_validate(now.own.model_dump() | changes)
        draft = PersonLimitsDraft(tier_id=tier_id, own=own)
        view = await tiers.set_person_limits(
            session, actor, user_id=user_id, draft=draft
        )
    _print_person(view, is_json=is_json)


def _given(
    requests: str | None, runs: str | None, active: str | None, storage: str | None
) -> dict[str, Any]:
    texts = {
        "requests_per_minute": requests,
        "runs_per_day": runs,
        "runs_active": active,
        "storage_mb": storage,
    }
    return {
        name: _number(name, text) for name, text in texts.items() if text is not None
    }


def _number(name: str, text: str) -> int | None:
    if text == NONE:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= LIMIT_MAX:
        raise Invalid.field(name, _OUTSIDE)
    return int(text)


def _cells(limits: Limits) -> tuple[str, ...]:
    values = (getattr(limits, name) for name in Limits.model_fields)
    return tuple("-" if value is None else f"{value:,}" for value in values)


def _name(view: TierView) -> str:
    return f"{view.name} (default)" if view.is_default else view.name


def _fields(limits: Limits) -> dict[str, str]:
    names = [name.replace("_", " ") for name in Limits.model_fields]
    return dict(zip(names, _cells(limits), strict=True))


def _print_tier(view: TierView, *, is_json: bool) -> None:
    if is_json:
        output.print_json(view)
    else:
        output.print_fields({"tier": _name(view), **_fields(view)})


def _print_person(view: PersonLimits, *, is_json: bool) -> None:
    if is_json:
        output.print_json(view)
        return
    own = ", ".join(name.replace("_", " ") for name in view.own.given)
    output.print_fields(
        {"tier": _name(view.tier), **_fields(view.limits), "of their own": own or "-"}
    )
