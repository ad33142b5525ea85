"""`atelier user`: accounts."""

import sys
from typing import Annotated

import typer

from app.backend.core.actor import Role
from app.backend.core.db import Session
from app.backend.core.errors import Invalid
from app.backend.identity import service as identity
from app.backend.identity.schemas import UserDraft, UserView
from app.cli import output
from app.cli.edge import command, open_rows
from app.cli.options import AsOption, JsonOption

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Accounts.")

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the input.")
]


@app.callback()
def _user() -> None:
    """Accounts."""


@app.command()
@command
async def create(
    email: Annotated[str, typer.Argument(help="Address to sign in with.")],
    is_password_stdin: PasswordStdin = False,
    role: Annotated[Role, typer.Option(help="What the user may do.")] = Role.USER,
    name: Annotated[str, typer.Option(help="Name to show.")] = "",
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Make an account. The first one owns the installation and is an administrator.

    The account finds its ready-made agents when it first signs in.
    """
    draft = UserDraft.model_validate(
        {
            "email": email,
            "password": _read_password(is_stdin=is_password_stdin),
            "role": role,
            "display_name": name,
        }
    )
    async with open_rows() as rows, rows.db.transaction() as session:
        view = await _create(session, draft, as_email)
    if is_json:
        output.print_json(view)
    else:
        output.say(f"Created {view.email} ({view.role}).")


@app.command("set-password")
@command
async def set_password(
    email: Annotated[str, typer.Argument(help="Address of the user.")],
    is_password_stdin: PasswordStdin = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Give a user a new password; all their logins end."""
    password = _read_password(is_stdin=is_password_stdin)
    draft = UserDraft.model_validate({"email": email, "password": password})
    async with open_rows() as rows, rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        view = await identity.set_password(
            session,
            actor,
            email=draft.email,
            password=draft.password.get_secret_value(),
        )
    if is_json:
        output.print_json(view)
    else:
        output.say(f"{view.email} has a new password.")


async def _create(session: Session, draft: UserDraft, as_email: str | None) -> UserView:
    if not await identity.has_owner(session):
        return await identity.bootstrap_owner(session, draft=draft)
    actor = await identity.find_actor_by_email(session, as_email)
    return await identity.create_user(session, actor, draft=draft)


def _read_password(*, is_stdin: bool) -> str:
    if is_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        message = "There is no terminal to ask for the password. Use --password-stdin."
        raise Invalid.field("password", message)
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True)
