"""`atelier secret`: what a user keeps secret, under names."""

import sys
from typing import Annotated

import typer

# What refers to a secret is found in the tables of all domains.
from app.backend import tables as _  # noqa: F401
from app.backend.core.errors import Invalid
from app.backend.core.fault_points import FaultPoints, pass_by
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity import people
from app.backend.identity import service as identity
from app.backend.secrets import service as secrets
from app.backend.secrets.rotation import GRACE_SECONDS, Rotation
from app.backend.secrets.schemas import SecretDraft
from app.cli import output
from app.cli.edge import Rows, command, open_rows, read, work
from app.cli.options import AsOption, JsonOption

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="What users keep secret."
)

WaitOption = Annotated[
    float,
    typer.Option(
        "--wait", min=0, help="Seconds after which the former key is forgotten."
    ),
]


@app.callback()
def _secret() -> None:
    """What users keep secret."""


@app.command("set")
@command
async def set_secret(
    name: Annotated[str, typer.Argument(help="Name; what needs it says db:NAME.")],
    is_value_stdin: Annotated[
        bool, typer.Option("--value-stdin", help="Read the value from the input.")
    ] = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Store a value under a name, or replace it; it is never shown again."""
    value = _read_value(is_stdin=is_value_stdin)
    draft = SecretDraft.model_validate({"name": name, "value": value})
    async with open_rows() as rows, rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        view = await secrets.set_secret(
            session, actor, draft=draft, keyring=rows.keyring
        )
    output.tell(view, f"Stored. What needs it says {view.reference}", is_json=is_json)


@app.command("list")
@command
async def list_secrets(as_email: AsOption = None, is_json: JsonOption = False) -> None:
    """List secrets without their values, newest first; at most 200."""
    async with read(as_email) as (session, actor):
        page = await secrets.list_secrets(session, actor, limit=PAGE_SIZE_MAX)
    if is_json:
        output.print_json(page)
        return
    lines = [
        (
            one.name,
            f"{one.updated_at:%Y-%m-%d %H:%M}",
            f"{one.last_used_at:%Y-%m-%d %H:%M}" if one.last_used_at else "never",
            ", ".join(one.used_by),
        )
        for one in page.items
    ]
    output.print_table(("name", "stored (UTC)", "last used (UTC)", "used by"), lines)


@app.command()
@command
async def delete(
    name: Annotated[str, typer.Argument(help="Name of the secret.")],
    is_forced: Annotated[
        bool, typer.Option("--force", help="Delete it although it is used.")
    ] = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Delete a secret for good; refused while something refers to it."""
    async with work(as_email) as (session, actor):
        await secrets.delete_secret(session, actor, name=name, is_forced=is_forced)
    output.tell({"deleted": name}, f"Deleted {name}.", is_json=is_json)


@app.command("rotate-master")
@command
async def rotate_master(
    wait_seconds: WaitOption = GRACE_SECONDS,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Wrap the keys of all users with a new master key; Atelier may run meanwhile.

    What was broken off goes on at the next call.
    """
    async with open_rows() as rows:
        rotation = await _rotation(rows, as_email, wait_seconds)
        count = await rotation.rotate_master()
    if is_json:
        output.print_json({"keys": count})
        return
    output.say(f"{count} keys of users are wrapped with the new master key.")
    if rows.settings.master_keys[1:]:
        output.note("You may now take the former keys out of the setting.")


@app.command("rotate-user")
@command
async def rotate_user(
    email: Annotated[str, typer.Argument(help="Address of the user.")],
    wait_seconds: WaitOption = GRACE_SECONDS,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Seal everything that a user keeps secret with a new key; Atelier may run meanwhile.

    What was broken off goes on at the next call.
    """
    async with open_rows() as rows:
        rotation = await _rotation(rows, as_email, wait_seconds)
        async with rows.db.read() as session:
            user_id = await people.find_id(session, rotation.actor, email=email)
        count = await rotation.rotate_user(user_id)
    output.tell(
        {"texts": count},
        f"{count} secrets of {email} are sealed with a new key.",
        is_json=is_json,
    )


async def _rotation(rows: Rows, as_email: str | None, wait_seconds: float) -> Rotation:
    async with rows.db.read() as session:
        actor = await identity.find_actor_by_email(session, as_email)
    points = FaultPoints(rows.settings.data_dir)
    return Rotation(
        rows.db,
        rows.keyring,
        actor,
        grace_seconds=wait_seconds,
        pass_point=points.pass_point if rows.settings.fault_points else pass_by,
    )


def _read_value(*, is_stdin: bool) -> str:
    if is_stdin:
        return sys.stdin.read().rstrip("\r\n")
    if not sys.stdin.isatty():
        message = "There is no terminal to ask for the value. Use --value-stdin."
        raise Invalid.field("value", message)
    return typer.prompt("Value", hide_input=True)
