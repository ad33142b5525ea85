"""`atelier share`: with whom agents, collections and providers are shared."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from app.backend.agents import sharing as agent_sharing
from app.backend.agents.sharing import SHAREABLE
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import NotFound
from app.backend.identity import groups, sharing
from app.backend.identity.sharing import Shareable
from app.backend.identity.sharing_schemas import Level, ShareDraft
from app.backend.providers import repository as providers
from app.cli import output
from app.cli.edge import command, read, work
from app.cli.lookup import find_agent, need_uuid, to_uuid
from app.cli.options import AgentArgument, AsOption, JsonOption

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="With whom agents, collections and providers are shared.",
)


class ShareKind(StrEnum):
    """What can be shared."""

    AGENT = "agent"
    COLLECTION = "collection"
    PROVIDER = "provider"


KindArgument = Annotated[ShareKind, typer.Argument(help="What is shared.")]
NameArgument = Annotated[
    str,
    typer.Argument(help="Name or id; of a collection its id."),
]


@app.callback()
def _share() -> None:
    """With whom agents, collections and providers are shared."""


@app.command("list")
@command
async def list_all(
    kind: KindArgument,
    name: NameArgument,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """List with whom an agent, a collection or a provider is shared."""
    async with read(as_email) as (session, actor):
        what, object_id = await _find(session, actor, kind, name)
        found = await sharing.list_shares(session, actor, what, object_id=object_id)
    if is_json:
        output.print_json({"items": found})
    else:
        lines = [
            (one.name, "group" if one.group_id else "person", one.level)
            for one in found
        ]
        output.print_table(("with", "kind", "level"), lines)


@app.command()
@command
async def add(
    kind: KindArgument,
    name: NameArgument,
    email: Annotated[
        str | None, typer.Option("--email", help="Address of a person.")
    ] = None,
    group: Annotated[str | None, typer.Option(help="Name of a group.")] = None,
    level: Annotated[
        Level | None,
        typer.Option(help="What they may do; without it the least that there is."),
    ] = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Share an agent, a collection or a provider; sharing again changes the level."""
    async with work(as_email) as (session, actor):
        what, object_id = await _find(session, actor, kind, name)
        group_id = await groups.find_id(session, actor, name=group) if group else None
        draft = ShareDraft(
            email=email, group_id=group_id, level=level or what.levels[0]
        )
        view = await sharing.share(
            session, actor, what, object_id=object_id, draft=draft
        )
    output.tell(view, f"Shared with {view.name}: {view.level}.", is_json=is_json)


@app.command()
@command
async def remove(
    kind: KindArgument,
    name: NameArgument,
    other: Annotated[
        str, typer.Argument(metavar="WITH", help="Address, or name of the group.")
    ],
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Take a share back; runs that were started go on."""
    async with work(as_email) as (session, actor):
        what, object_id = await _find(session, actor, kind, name)
        found = await sharing.list_shares(session, actor, what, object_id=object_id)
        ids = {one.name: one.id for one in found}
        share_id = ids.get(other) or need_uuid(other, "share")
        await sharing.unshare(
            session, actor, what, object_id=object_id, share_id=share_id
        )
    output.tell(
        {"removed": str(share_id)}, f"No longer shared with {other}.", is_json=is_json
    )


@app.command()
@command
async def public(
    agent: AgentArgument,
    is_public: Annotated[
        bool, typer.Option("--on/--off", help="For everybody, or not any more.")
    ] = True,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Let everybody who is signed in run an agent."""
    async with work(as_email) as (session, actor):
        found = await find_agent(session, actor, agent)
        view = await agent_sharing.publish_agent(
            session, actor, agent_id=found.id, is_public=is_public
        )
    output.tell(
        view,
        f"{view.name!r} is {'public' if view.is_public else 'not public'}.",
        is_json=is_json,
    )


async def _find(
    session: Session, actor: Actor, kind: ShareKind, name: str
) -> tuple[Shareable, UUID]:
    what = SHAREABLE[kind]
    if kind is ShareKind.AGENT:
        return what, (await find_agent(session, actor, name)).id
    found = to_uuid(name)
    if kind is ShareKind.PROVIDER and found is None:
        row = await providers.find_own(session, actor, name)
        if row is None:
            raise NotFound(kind, name)
        found = row.id
    return what, found or need_uuid(name, kind)
