"""`atelier models`: the default model files, and what agents can use."""

import asyncio
from contextlib import suppress
from typing import Annotated

import typer

from app.backend.budgets import model_use
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import NotFound
from app.backend.identity import service as identity
from app.backend.middleware.service import warm_default
from app.backend.models import files, local
from app.backend.models import service as models
from app.backend.models.catalog import open_catalog
from app.backend.models.offers import describe
from app.backend.models.schemas import Environment, ModelDraft, ModelRowView
from app.backend.providers import repository as provider_rows
from app.backend.providers.base import ProviderModel
from app.backend.providers.registry import find_type
from app.cli import claims, local_models, output
from app.cli.chains import open_chains
from app.cli.edge import NotMigrated, check_tables, command, open_rows, work
from app.cli.options import AsOption, JsonOption

CheapOption = Annotated[
    bool, typer.Option("--cheap", help="Use it where a cheap answer is enough.")
]
ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="Its name, as provider/model.")
]

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Language models and their files."
)


app.add_typer(local_models.app, name="local")


@app.callback()
def _models() -> None:
    """Language models and their files."""


@app.command()
@command
async def fetch(is_json: JsonOption = False) -> None:
    """Fetch the default model files that are missing, and check all of them."""
    settings = claims.load_settings()
    wanted = local.needed_files(settings)
    folder = settings.models_dir
    await asyncio.to_thread(
        files.ensure_default_models, folder, output.note, wanted=wanted
    )
    for file in wanted:
        await asyncio.to_thread(files.check_intact, file, folder)
    if is_json:
        found = [{"name": file.name, "path": str(file.path(folder))} for file in wanted]
        output.print_json(found)
        return
    output.print_table(
        ("File", "Size", "Kept as"),
        [
            (file.name, f"{file.size / 1e6:.1f} MB", file.path(folder))
            for file in wanted
        ],
    )


@app.command("list")
@command
async def list_models(as_email: AsOption = None, is_json: JsonOption = False) -> None:
    """List the models that an agent can name."""
    # What the settings say is there before the first start, when there are no tables.
    async with open_rows(is_new=True) as rows:
        actor = None
        with suppress(NotMigrated):
            await check_tables(rows.db)
            async with rows.db.read() as session:
                actor = await identity.find_actor_by_email(session, as_email)
        catalog = open_catalog(rows.settings, rows.db, rows.keyring)
        try:
            views = await catalog.list(actor)
        finally:
            await catalog.close()
    if is_json:
        output.print_json(views)
        return
    output.print_table(
        ("Model", "Window", "Note"),
        [(view.name, view.context_window, view.note) for view in views],
    )


@app.command()
@command
async def add(
    name: ModelArgument,
    is_default: Annotated[
        bool, typer.Option("--default", help="Use it where no model is named.")
    ] = False,
    is_cheap: CheapOption = False,
    has_tools: Annotated[
        bool | None, typer.Option("--tools/--no-tools", help="Whether it calls tools.")
    ] = None,
    context: Annotated[
        int | None, typer.Option(help="Its context window in tokens.")
    ] = None,
    fallbacks: Annotated[
        list[str] | None,
        typer.Option(
            "--fallback", help="Model to ask when the one before does not answer."
        ),
    ] = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Add a model to a provider, with what is known of it."""
    prefix, _, wanted = name.partition("/")
    async with open_chains() as (rows, chains):
        async with rows.db.read() as session:
            actor = await identity.find_actor_by_email(session, as_email)
            provider = await provider_rows.find_named(session, actor, prefix)
        if provider is None:
            raise NotFound("provider", prefix)
        offer = describe(find_type(provider.type).info, ProviderModel(wanted, context))
        can = offer.capabilities
        draft = ModelDraft(
            provider_id=provider.id,
            name=wanted,
            kind=offer.kind,
            capabilities=can.model_copy(
                update={"tools": can.tools if has_tools is None else has_tools}
            ),
            price_in=offer.price_in,
            price_out=offer.price_out,
            price_cached=offer.price_cached,
            fallbacks=fallbacks or [],
            is_default=is_default,
            is_cheap=is_cheap,
        )
        async with rows.db.transaction() as session:
            view = await models.add_model(
                session,
                actor,
                draft=draft,
                environment=Environment(rows.settings.environment),
            )
            warm_default(session, view, chains=chains)
    _print(view, is_json=is_json)


@app.command("set-default")
@command
async def set_default(
    name: ModelArgument,
    is_cheap: CheapOption = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Use a model where none is named, or where a cheap answer is enough."""
    async with open_chains() as (rows, chains), rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        found = await _need(session, actor, name)
        if is_cheap:
            view = await models.set_cheap(
                session, actor, model_id=found.id, is_cheap=True
            )
        else:
            view = await models.set_default(
                session, actor, model_id=found.id, is_default=True
            )
            warm_default(session, view, chains=chains)
    _print(view, is_json=is_json)


@app.command()
@command
async def enable(
    name: ModelArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Switch a model on."""
    await _switch(name, as_email, is_enabled=True, is_json=is_json)


@app.command()
@command
async def disable(
    name: ModelArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Switch a model off; nothing of it is lost."""
    await _switch(name, as_email, is_enabled=False, is_json=is_json)


@app.command()
@command
async def delete(
    name: ModelArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Delete a model that was added, unless it is used."""
    async with work(as_email) as (session, actor):
        found = await _need(session, actor, name)
        await model_use.delete_model(session, actor, model_id=found.id)
    output.tell(
        {"deleted": str(found.id)}, f"{found.full_name} is deleted.", is_json=is_json
    )


async def _switch(
    name: str, as_email: str | None, *, is_enabled: bool, is_json: bool
) -> None:
    async with work(as_email) as (session, actor):
        found = await _need(session, actor, name)
        view = await models.set_enabled(
            session, actor, model_id=found.id, is_enabled=is_enabled
        )
    _print(view, is_json=is_json)


async def _need(session: Session, actor: Actor, name: str) -> ModelRowView:
    views = await models.list_models(session, actor)
    found = next((view for view in views if view.full_name == name), None)
    if found is None:
        raise NotFound("model", name)
    return found


def _print(view: ModelRowView, *, is_json: bool) -> None:
    if is_json:
        output.print_json(view)
        return
    states = [
        "default" if view.is_default else "",
        "cheap default" if view.is_cheap else "",
        "" if view.is_enabled else "off",
        f"{view.capabilities.get('context_window') or 'unknown'} tokens",
        "calls tools" if view.capabilities.get("tools") else "calls no tools",
    ]
    output.say(f"{view.full_name}: {', '.join(state for state in states if state)}.")
