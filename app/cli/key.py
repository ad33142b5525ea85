"""`atelier key`: API keys."""

from datetime import timedelta
from typing import Annotated

import typer

from app.backend.agents import api_keys
from app.backend.core import clock
from app.backend.core.actor import Permission
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity import keys
from app.backend.identity import service as identity
from app.backend.identity.schemas import (
    ApiKeyDraft,
    ApiKeyView,
    KeyRotation,
    NewApiKey,
)
from app.cli import output
from app.cli.edge import command, open_rows
from app.cli.lookup import find_agent, need_uuid
from app.cli.options import JsonOption

app = typer.Typer(add_completion=False, no_args_is_help=True, help="API keys.")

UserOption = Annotated[
    str | None,
    typer.Option("--user", metavar="EMAIL", help="Whose key; default: the owner's."),
]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="Id of the key.")]


@app.callback()
def _key() -> None:
    """API keys."""


@app.command()
@command
async def create(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    email: UserOption = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="Days until it expires; default: never.")
    ] = None,
    scopes: Annotated[
        list[Permission] | None,
        typer.Option("--scope", help="What it may do; more than one is possible."),
    ] = None,
    agents: Annotated[
        list[str] | None,
        typer.Option("--agent", help="An agent it may run; more than one is possible."),
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Make an API key and print it; it cannot be shown again."""
    expires_at = clock.now() + timedelta(days=days) if days else None
    async with open_rows() as rows, rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, email)
        found = [(await find_agent(session, actor, one)).id for one in agents or ()]
        draft = ApiKeyDraft(
            name=name,
            expires_at=expires_at,
            scopes=scopes or None,
            agent_ids=found or None,
        )
        new = await api_keys.create_key(session, actor, draft=draft)
    _print_new(new, is_json=is_json)


@app.command("list")
@command
async def list_all(
    text: Annotated[
        str, typer.Option(help="How the key begins, or a part of its name.")
    ] = "",
    email: UserOption = None,
    is_json: JsonOption = False,
) -> None:
    """List API keys without their secrets, newest first; at most 200."""
    async with open_rows() as rows, rows.db.read() as session:
        actor = await identity.find_actor_by_email(session, email)
        page = await keys.list_keys(session, actor, text=text, limit=PAGE_SIZE_MAX)
    if is_json:
        output.print_json(page)
        return
    lines = [
        (one.id, one.name, one.prefix, one.expires_at, _status(one))
        for one in page.items
    ]
    output.print_table(("id", "name", "begins", "ends", "status"), lines)


@app.command()
@command
async def rotate(
    key: KeyArgument,
    hours: Annotated[
        float,
        typer.Option(
            "--grace-hours", min=0, max=24, help="How long the old one still works."
        ),
    ] = 0,
    email: UserOption = None,
    is_json: JsonOption = False,
) -> None:
    """Make a new key that may do the same, and print it; the old one ends after the grace."""
    async with open_rows() as rows, rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, email)
        new = await keys.rotate_key(
            session,
            actor,
            key_id=need_uuid(key, "apikey"),
            rotation=KeyRotation(grace_hours=hours),
        )
    _print_new(new, is_json=is_json)


@app.command()
@command
async def revoke(
    key: KeyArgument, email: UserOption = None, is_json: JsonOption = False
) -> None:
    """Make an API key useless for good."""
    async with open_rows() as rows, rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, email)
        view = await keys.revoke_key(session, actor, key_id=need_uuid(key, "apikey"))
    output.tell(view, f"Revoked {view.name!r}.", is_json=is_json)


def _status(key: ApiKeyView) -> str:
    if key.revoked_at is not None:
        return "revoked"
    is_over = key.expires_at is not None and key.expires_at <= clock.now()
    return "ended" if is_over else "works"


def _print_new(new: NewApiKey, *, is_json: bool) -> None:
    shown = {"key": new.key, **new.view.model_dump(mode="json")}
    output.tell(shown, new.key, is_json=is_json)
    if not is_json:
        output.note("Keep it now: it is stored as a hash and cannot be shown again.")
