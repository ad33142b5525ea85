"""`atelier user`: accounts."""

import sys
from typing import Annotated
from uuid import UUID

import typer

from app.backend.core.actor import Permission, Role
from app.backend.core.db import Session
from app.backend.core.errors import Invalid
from app.backend.core.paging import PAGE_SIZE_MAX, Page
from app.backend.identity import letters, people, sessions, sign_up
from app.backend.identity import permissions as grants
from app.backend.identity import service as identity
from app.backend.identity.outside import accounts as outside
from app.backend.identity.schemas import (
    InviteDraft,
    NewLink,
    PermissionsView,
    PersonView,
    UserDraft,
    UserView,
)
from app.backend.system import people as suspension
from app.cli import output
from app.cli.edge import Rows, command, open_rows, read, work
from app.cli.options import AsOption, JsonOption
from app.cli.running import open_parts

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Accounts.")

EmailArgument = Annotated[str, typer.Argument(help="Address of the user.")]
PermissionArgument = Annotated[Permission, typer.Argument(help="Which permission.")]
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
    output.tell(view, f"Created {view.email} ({view.role}).", is_json=is_json)


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
    async with work(as_email) as (session, actor):
        view = await identity.set_password(
            session,
            actor,
            email=draft.email,
            password=draft.password.get_secret_value(),
        )
    output.tell(view, f"{view.email} has a new password.", is_json=is_json)


@app.command("sign-out")
@command
async def sign_out(
    email: Annotated[str, typer.Argument(help="Address of the user.")],
    is_json: JsonOption = False,
) -> None:
    """End all logins of a user; their API keys stay."""
    async with open_rows() as rows, rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, email)
        ended = await sessions.revoke_others(session, actor)
    output.tell(
        {"logins": ended}, f"{actor.email}: {ended} logins ended.", is_json=is_json
    )


@app.command()
@command
async def logins(
    email: EmailArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """List the logins elsewhere that lead to a user's account."""
    async with read(as_email) as (session, actor):
        user_id = await people.find_id(session, actor, email=email)
        found = await outside.list_linked_of(session, actor, user_id=user_id)
    if is_json:
        output.print_json(found)
    else:
        lines = [(login.provider, login.email, str(login.id)) for login in found]
        output.print_table(("service", "e-mail", "id"), lines)


@app.command()
@command
async def unlink(
    email: EmailArgument,
    login_id: Annotated[UUID, typer.Argument(help="Id of the login, from `logins`.")],
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Let a login elsewhere not lead to a user's account any more."""
    async with work(as_email) as (session, actor):
        user_id = await people.find_id(session, actor, email=email)
        await outside.unlink_of(session, actor, user_id=user_id, linked_id=login_id)
    output.tell(
        {"unlinked": str(login_id)}, f"{email}: the login is unlinked.", is_json=is_json
    )


@app.command("list")
@command
async def list_users(
    text: Annotated[str, typer.Option(help="Part of a name or an address.")] = "",
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """List users, newest first."""
    found: list[PersonView] = []
    cursor, is_over = None, False
    async with read(as_email) as (session, actor):
        while not is_over:
            page = await people.list_people(
                session, actor, text=text, cursor=cursor, limit=PAGE_SIZE_MAX
            )
            found += page.items
            cursor, is_over = page.next_cursor, page.next_cursor is None
    if is_json:
        output.print_json(Page(items=found))
    else:
        lines = [
            (one.email, one.display_name, one.role, _status(one), _ways(one))
            for one in found
        ]
        heads = ("e-mail", "name", "role", "status", "signs in with")
        output.print_table(heads, lines)


@app.command()
@command
async def invite(
    email: EmailArgument,
    role: Annotated[Role, typer.Option(help="What the user may do.")] = Role.USER,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Make an account, and print the one-time link with which its person chooses a password; with mail it is sent too."""
    draft = InviteDraft.model_validate({"email": email, "role": role})
    async with open_rows() as rows, rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        made = await people.invite(session, actor, draft=draft)
        is_sent = await sign_up.send_invitation(
            session,
            made,
            settings=rows.settings,
            keyring=rows.keyring,
            outbox=None,
        )
    _print_link(rows, made, is_json=is_json, is_sent=is_sent)


@app.command()
@command
async def link(
    email: EmailArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Print a one-time link with which a user chooses a new password."""
    async with open_rows() as rows, rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        user_id = await people.find_id(session, actor, email=email)
        made = await people.make_password_link(session, actor, user_id=user_id)
    _print_link(rows, made, is_json=is_json)


@app.command("set-role")
@command
async def set_role(
    email: EmailArgument,
    role: Annotated[Role, typer.Argument(help="What the user may do.")],
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Give a user a role."""
    async with work(as_email) as (session, actor):
        user_id = await people.find_id(session, actor, email=email)
        view = await people.set_role(session, actor, user_id=user_id, role=role)
    _print_person(view, is_json=is_json)


@app.command("remove-second-factor")
@command
async def remove_second_factor(
    email: EmailArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Let a user who has lost their second factor sign in with their password alone."""
    async with work(as_email) as (session, actor):
        user_id = await people.find_id(session, actor, email=email)
        view = await people.remove_second_factor(session, actor, user_id=user_id)
    _print_person(view, is_json=is_json)


@app.command()
@command
async def suspend(
    email: EmailArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """End a user's logins and API keys for good, and stop their runs."""
    async with (
        open_parts(as_email) as (parts, actor),
        parts.db.transaction() as session,
    ):
        user_id = await people.find_id(session, actor, email=email)
        view = await suspension.suspend(session, actor, user_id=user_id, parts=parts)
    _print_person(view, is_json=is_json)


@app.command()
@command
async def reactivate(
    email: EmailArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Let a suspended user sign in again."""
    async with work(as_email) as (session, actor):
        user_id = await people.find_id(session, actor, email=email)
        view = await people.set_active(session, actor, user_id=user_id, is_active=True)
    _print_person(view, is_json=is_json)


@app.command()
@command
async def permissions(
    email: EmailArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Show what a user may do beside their role, and what not."""
    async with read(as_email) as (session, actor):
        user_id = await people.find_id(session, actor, email=email)
        view = await grants.get_permissions(session, actor, user_id=user_id)
    _print_permissions(view, is_json=is_json)


@app.command()
@command
async def grant(
    email: EmailArgument,
    permission: PermissionArgument,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Give a user a permission, whatever their role says."""
    await _change_permission(email, permission, as_email, has=True, is_json=is_json)


@app.command()
@command
async def take(
    email: EmailArgument,
    permission: PermissionArgument,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Take a permission from a user, whatever their role says."""
    await _change_permission(email, permission, as_email, has=False, is_json=is_json)


async def _change_permission(
    email: str,
    permission: Permission,
    as_email: str | None,
    *,
    has: bool,
    is_json: bool,
) -> None:
    async with work(as_email) as (session, actor):
        user_id = await people.find_id(session, actor, email=email)
        view = await grants.change_permission(
            session, actor, user_id=user_id, permission=permission, has=has
        )
    _print_permissions(view, is_json=is_json)


def _print_permissions(view: PermissionsView, *, is_json: bool) -> None:
    if is_json:
        output.print_json(view)
        return
    output.print_fields(
        {
            "role": view.role,
            "given": ", ".join(view.given),
            "taken": ", ".join(view.taken),
        }
    )


def _status(person: PersonView) -> str:
    if not person.is_active:
        return "suspended"
    return "active" if person.has_password or person.linked else "invited"


def _ways(person: PersonView) -> str:
    return ", ".join([*(["password"] if person.has_password else []), *person.linked])


def _print_person(person: PersonView, *, is_json: bool) -> None:
    output.tell(
        person, f"{person.email}: {person.role}, {_status(person)}.", is_json=is_json
    )


def _print_link(
    rows: Rows, made: NewLink, *, is_json: bool, is_sent: bool = False
) -> None:
    address = letters.choose_password_link(rows.settings, made.token)
    if is_json:
        told = {"link": address, "is_sent": is_sent}
        output.print_json({**told, "expires_at": made.expires_at.isoformat()})
    else:
        output.say(address)
        output.note("It works once, for three days, and cannot be shown again.")
        if is_sent:
            output.note("It is sent by mail too, while Atelier runs.")


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
