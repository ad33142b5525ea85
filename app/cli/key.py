"""`atelier key`: API keys."""

from datetime import timedelta
from typing import Annotated

import typer

from app.backend.core import clock
from app.backend.identity import keys
from app.backend.identity import service as identity
from app.cli import output
from app.cli.edge import command, open_rows
from app.cli.options import JsonOption

app = typer.Typer(add_completion=False, no_args_is_help=True, help="API keys.")


@app.callback()
def _key() -> None:
    """API keys."""


@app.command()
@command
async def create(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    email: Annotated[
        str | None,
        typer.Option(
            "--user", metavar="EMAIL", help="Whose key; default: the owner's."
        ),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="Days until it expires; default: never.")
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Make an API key and print it; it cannot be shown again."""
    expires_at = clock.now() + timedelta(days=days) if days else None
    async with open_rows() as rows, rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, email)
        new = await keys.create_key(session, actor, name=name, expires_at=expires_at)
    if is_json:
        output.print_json({"key": new.key, **new.view.model_dump(mode="json")})
    else:
        output.say(new.key)
        output.note("Keep it now: it is stored as a hash and cannot be shown again.")
