"""`atelier group`: groups of people to share with."""

from typing import Annotated

import typer

from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity import groups, people
from app.backend.identity.sharing_schemas import GroupDraft, MemberDraft
from app.cli import output
from app.cli.edge import command, read, work
from app.cli.options import AsOption, JsonOption

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Groups of people to share with."
)

NameArgument = Annotated[str, typer.Argument(help="Name of the group.")]
EmailArgument = Annotated[str, typer.Argument(help="Address of the person.")]


@app.callback()
def _group() -> None:
    """Groups of people to share with."""


@app.command("list")
@command
async def list_all(as_email: AsOption = None, is_json: JsonOption = False) -> None:
    """List groups, newest first; at most 200."""
    async with read(as_email) as (session, actor):
        page = await groups.list_groups(session, actor, limit=PAGE_SIZE_MAX)
    if is_json:
        output.print_json(page)
    else:
        lines = [(one.id, one.name, one.members) for one in page.items]
        output.print_table(("id", "name", "members"), lines)


@app.command()
@command
async def create(
    name: NameArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Make a group."""
    draft = GroupDraft.model_validate({"name": name})
    async with work(as_email) as (session, actor):
        view = await groups.create_group(session, actor, draft=draft)
    output.tell(view, f"Created the group {view.name!r}.", is_json=is_json)


@app.command()
@command
async def rename(
    name: NameArgument,
    new: Annotated[str, typer.Argument(help="Its new name.")],
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Give a group another name."""
    draft = GroupDraft.model_validate({"name": new})
    async with work(as_email) as (session, actor):
        group_id = await groups.find_id(session, actor, name=name)
        view = await groups.rename_group(session, actor, group_id=group_id, draft=draft)
    output.tell(view, f"The group is now called {view.name!r}.", is_json=is_json)


@app.command()
@command
async def delete(
    name: NameArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Delete a group; what was shared with it is not shared with its people any more."""
    async with work(as_email) as (session, actor):
        group_id = await groups.find_id(session, actor, name=name)
        await groups.delete_group(session, actor, group_id=group_id)
    output.tell(
        {"deleted": str(group_id)}, f"Deleted the group {name!r}.", is_json=is_json
    )


@app.command()
@command
async def members(
    name: NameArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """List the people of a group."""
    async with read(as_email) as (session, actor):
        group_id = await groups.find_id(session, actor, name=name)
        found = await groups.list_members(session, actor, group_id=group_id)
    if is_json:
        output.print_json({"items": found})
    else:
        lines = [(one.email, one.display_name) for one in found]
        output.print_table(("e-mail", "name"), lines)


@app.command()
@command
async def add(
    name: NameArgument,
    email: EmailArgument,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Put a person into a group."""
    draft = MemberDraft.model_validate({"email": email})
    async with work(as_email) as (session, actor):
        group_id = await groups.find_id(session, actor, name=name)
        view = await groups.add_member(session, actor, group_id=group_id, draft=draft)
    output.tell(view, f"{view.email} is in the group {name!r}.", is_json=is_json)


@app.command()
@command
async def remove(
    name: NameArgument,
    email: EmailArgument,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Take a person out of a group."""
    async with work(as_email) as (session, actor):
        group_id = await groups.find_id(session, actor, name=name)
        user_id = await people.find_id(session, actor, email=email)
        await groups.remove_member(session, actor, group_id=group_id, user_id=user_id)
    output.tell(
        {"removed": str(user_id)},
        f"{email} is no longer in the group {name!r}.",
        is_json=is_json,
    )
