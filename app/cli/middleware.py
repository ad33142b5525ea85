"""`atelier middleware`: what stands before models."""

import json
from typing import Annotated, Any
from uuid import UUID

import typer

from app.backend.core.errors import Invalid, NotFound
from app.backend.identity import service as identity
from app.backend.middleware import service as middleware
from app.backend.middleware.registry import list_types
from app.backend.middleware.schemas import (
    MiddlewareChange,
    MiddlewareDraft,
    MiddlewareView,
)
from app.cli import output
from app.cli.chains import open_chains
from app.cli.edge import command, read
from app.cli.options import AsOption, JsonOption

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="What stands before models."
)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Its id.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Of its configuration; lists as JSON."
    ),
]
PriorityOption = Annotated[
    int | None, typer.Option(help="1 acts first before the model, 100 last.")
]
CriticalOption = Annotated[
    bool | None,
    typer.Option(
        "--critical/--not-critical",
        help="Whether its model is refused when it cannot be started.",
    ),
]


@app.callback()
def _middleware() -> None:
    """What stands before models."""


@app.command()
@command
async def types(is_json: JsonOption = False) -> None:
    """List the types of middlewares and what can be set of them."""
    views = list_types()
    if is_json:
        output.print_json(views)
        return
    output.print_table(
        ("Type", "Priority", "What it does", "Configuration"),
        [
            (view.key, view.priority, view.about, ", ".join(_names(view.config_schema)))
            for view in views
        ],
    )


@app.command("list")
@command
async def list_middlewares(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Its name, as provider/model.")
    ] = "",
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """List what stands before a model, or before all, in the order in which it acts."""
    async with read(as_email) as (session, actor):
        if model:
            views = await middleware.list_of_model(session, actor, model=model)
        else:
            views = await middleware.list_middlewares(session, actor)
    if is_json:
        output.print_json(views)
        return
    output.print_table(
        ("Model", "Priority", "Type", "State", "Id"),
        [
            (view.model, view.priority, view.type, _state(view), str(view.id))
            for view in views
        ],
    )


@app.command()
@command
async def add(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As provider/model.")],
    kind: Annotated[
        str, typer.Argument(metavar="TYPE", help="See `atelier middleware types`.")
    ],
    given: SetOption = None,
    priority: PriorityOption = None,
    is_critical: CriticalOption = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Put a middleware before a model; it acts from the next question on."""
    draft = MiddlewareDraft(
        model=model,
        type=kind,
        config=_config(given),
        priority=priority,
        is_critical=bool(is_critical),
    )
    async with open_chains() as (rows, chains), rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        view = await middleware.add_middleware(
            session, actor, model=model, draft=draft, chains=chains
        )
    _print(view, is_json=is_json)


@app.command()
@command
async def change(
    middleware_id: IdArgument,
    given: SetOption = None,
    priority: PriorityOption = None,
    is_critical: CriticalOption = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Change a middleware; what is not named stays."""
    wanted = _parse(middleware_id)
    async with open_chains() as (rows, chains), rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        before = await middleware.get_middleware(session, actor, middleware_id=wanted)
        view = await middleware.change_middleware(
            session,
            actor,
            middleware_id=wanted,
            change=MiddlewareChange(
                priority=priority,
                config={**before.config, **_config(given)},
                is_active=before.is_active,
                is_critical=before.is_critical if is_critical is None else is_critical,
            ),
            chains=chains,
        )
    _print(view, is_json=is_json)


@app.command()
@command
async def enable(
    middleware_id: IdArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Switch a middleware on."""
    await _switch(middleware_id, as_email, is_active=True, is_json=is_json)


@app.command()
@command
async def disable(
    middleware_id: IdArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Switch a middleware off; nothing of it is lost."""
    await _switch(middleware_id, as_email, is_active=False, is_json=is_json)


@app.command()
@command
async def delete(
    middleware_id: IdArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Take a middleware away."""
    wanted = _parse(middleware_id)
    async with open_chains() as (rows, chains), rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        await middleware.delete_middleware(
            session, actor, middleware_id=wanted, chains=chains
        )
    output.tell({"deleted": middleware_id}, "It is deleted.", is_json=is_json)


async def _switch(
    middleware_id: str, as_email: str | None, *, is_active: bool, is_json: bool
) -> None:
    wanted = _parse(middleware_id)
    async with open_chains() as (rows, chains), rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        view = await middleware.set_active(
            session, actor, middleware_id=wanted, is_active=is_active, chains=chains
        )
    _print(view, is_json=is_json)


def _parse(middleware_id: str) -> UUID:
    try:
        return UUID(middleware_id)
    except ValueError:
        raise NotFound("middleware", middleware_id) from None


def _config(given: list[str] | None) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for one in given or []:
        name, mark, text = one.partition("=")
        if not mark:
            message = f"{name!r} has no value. Write NAME=VALUE."
            raise Invalid.field("set", message)
        try:
            config[name] = json.loads(text)
        except ValueError:
            config[name] = text
    return config


def _names(schema: dict[str, Any]) -> list[str]:
    return list(schema.get("properties", {}))


def _state(view: MiddlewareView) -> str:
    parts = ["on" if view.is_active else "off", "critical" if view.is_critical else ""]
    return ", ".join(part for part in [*parts, view.trouble] if part)


def _print(view: MiddlewareView, *, is_json: bool) -> None:
    if is_json:
        output.print_json(view)
        return
    output.say(
        f"{view.type} before {view.model}, priority {view.priority}: {_state(view)}. Id: {view.id}"
    )
