"""`atelier provider`: services of models."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from app.backend.budgets import model_use
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Invalid, NotFound
from app.backend.identity import service as identity
from app.backend.models import checks
from app.backend.models.checks import CheckResult, CheckStatus
from app.backend.models.offers import list_offers
from app.backend.models.rows import RowModels
from app.backend.providers import forms, repository
from app.backend.providers import service as providers
from app.backend.providers.handler import Handler
from app.backend.providers.schemas import ProviderDraft, ProviderView
from app.cli import output
from app.cli.edge import Exit, command, open_rows, read, work
from app.cli.options import AsOption, JsonOption

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Services of models."
)

NameArgument = Annotated[str, typer.Argument(metavar="PROVIDER", help="Its name.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting of its type."),
]
KeyStdin = Annotated[
    bool, typer.Option("--key-stdin", help="Read its key from the input.")
]
SecretOption = Annotated[
    str, typer.Option("--secret", help="A secret that is there, such as env:NAME.")
]
_MARKS = {
    CheckStatus.OK: "✓",
    CheckStatus.LIMITED: "!",
    CheckStatus.SKIPPED: "-",
    CheckStatus.FAILED: "✗",
}


@app.callback()
def _provider() -> None:
    """Services of models."""


@app.command()
@command
async def types(as_email: AsOption = None, is_json: JsonOption = False) -> None:
    """List the types of providers and their settings."""
    async with read(as_email) as (_, actor):
        views = forms.list_types(actor)
    if is_json:
        output.print_json(views)
        return
    lines = [
        (view.key, view.label, ", ".join(view.settings_schema.get("properties", {})))
        for view in views
    ]
    output.print_table(("Type", "Name", "Settings"), lines)


@app.command("list")
@command
async def list_providers(
    as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """List the providers that you may use."""
    async with read(as_email) as (session, actor):
        views = await providers.list_providers(session, actor)
    if is_json:
        output.print_json(views)
        return
    output.print_table(
        ("Name", "Type", "For", "State"),
        [
            (
                view.name,
                view.type_label,
                _audience(view),
                _state(view),
            )
            for view in views
        ],
    )


@app.command()
@command
async def add(
    name: Annotated[str, typer.Argument(help="First part of its models' names.")],
    kind: Annotated[str, typer.Option("--type", help="See `atelier provider types`.")],
    given: SetOption = None,
    label: Annotated[str, typer.Option(help="Name to show.")] = "",
    is_key_stdin: KeyStdin = False,
    secret: SecretOption = "",
    is_shared: Annotated[
        bool, typer.Option("--shared", help="For everybody; by an administrator.")
    ] = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Connect a provider."""
    draft = ProviderDraft.model_validate(
        {
            "type": kind,
            "name": name,
            "label": label,
            "settings": _settings(given),
            "api_key": _read_key() if is_key_stdin else None,
            "secret_ref": secret,
            "is_shared": is_shared,
        }
    )
    async with open_rows() as rows, rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        view = await providers.create_provider(session, actor, draft=draft, parts=rows)
    _print(view, is_json=is_json)


@app.command()
@command
async def change(
    name: NameArgument,
    given: SetOption = None,
    label: Annotated[str | None, typer.Option(help="Name to show.")] = None,
    is_key_stdin: KeyStdin = False,
    secret: SecretOption = "",
    is_shared: Annotated[
        bool | None,
        typer.Option(
            "--shared/--not-shared", help="For everybody; by an administrator."
        ),
    ] = None,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Change a provider; settings that are not named stay."""
    async with open_rows() as rows, rows.db.transaction() as session:
        actor = await identity.find_actor_by_email(session, as_email)
        found = await _need(session, actor, name)
        draft = ProviderDraft(
            type=found.type,
            name=found.name,
            label=found.label if label is None else label,
            settings={**found.settings, **_settings(given)},
            api_key=_read_key() if is_key_stdin else None,
            secret_ref=secret,
            is_shared=is_shared,
        )
        view = await model_use.update_provider(
            session, actor, provider_id=found.id, draft=draft, parts=rows
        )
    _print(view, is_json=is_json)


@app.command()
@command
async def enable(
    name: NameArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Switch a provider on."""
    await _switch(name, as_email, is_enabled=True, is_json=is_json)


@app.command()
@command
async def disable(
    name: NameArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Switch a provider off; nothing of it is lost."""
    await _switch(name, as_email, is_enabled=False, is_json=is_json)


@app.command()
@command
async def delete(
    name: NameArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """Delete a provider with its models, unless they are used."""
    async with work(as_email) as (session, actor):
        found = await _need(session, actor, name)
        await model_use.delete_provider(session, actor, provider_id=found.id)
    output.tell(
        {"deleted": str(found.id)}, f"{found.name} is deleted.", is_json=is_json
    )


@app.command("test")
@command
async def check_provider(
    name: NameArgument,
    model: Annotated[str, typer.Option(help="Which of its models to ask.")] = "",
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Try a provider out, stage by stage."""
    is_good = True
    async with _opened(name, as_email) as handler:
        async for result in checks.check(handler, model=model):
            is_good = is_good and result.status is not CheckStatus.FAILED
            if is_json:
                output.print_json_line(result)
            else:
                output.say(_line(result))
    if not is_good:
        raise typer.Exit(Exit.UNAVAILABLE)


@app.command()
@command
async def pull(
    name: NameArgument,
    model: Annotated[str, typer.Argument(help="Such as llama3.2.")],
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Let Ollama fetch a model."""
    said = ""
    async with _opened(name, as_email) as handler:
        async for one in handler.pull(model):
            if is_json:
                output.print_json_line(one)
            elif f"{one.status} {one.percent // 10}" != said:
                said = f"{one.status} {one.percent // 10}"
                output.say(f"{one.status} {one.percent} %" if one.total else one.status)


@app.command()
@command
async def offers(
    name: NameArgument, as_email: AsOption = None, is_json: JsonOption = False
) -> None:
    """List what a provider offers now."""
    async with _opened(name, as_email) as handler:
        found = await list_offers(handler)
    if is_json:
        output.print_json(found)
        return
    output.print_table(
        ("Model", "Window", "In", "Out"),
        [
            (one.name, one.capabilities.context_window, one.price_in, one.price_out)
            for one in found
        ],
    )


@asynccontextmanager
async def _opened(name: str, as_email: str | None) -> AsyncGenerator[Handler, None]:
    async with open_rows() as rows:
        async with rows.db.read() as session:
            actor = await identity.find_actor_by_email(session, as_email)
            found = await _need(session, actor, name)
        connected = RowModels(rows.db, rows.settings, rows.keyring)
        try:
            yield await connected.open_provider(actor, found.id)
        finally:
            await connected.close()


async def _switch(
    name: str, as_email: str | None, *, is_enabled: bool, is_json: bool
) -> None:
    async with work(as_email) as (session, actor):
        found = await _need(session, actor, name)
        view = await providers.set_enabled(
            session, actor, provider_id=found.id, is_enabled=is_enabled
        )
    _print(view, is_json=is_json)


async def _need(session: Session, actor: Actor, name: str) -> ProviderView:
    row = await repository.find_named(session, actor, name)
    if row is None:
        raise NotFound("provider", name)
    return providers.to_view(actor, row)


def _audience(view: ProviderView) -> str:
    if view.is_shared:
        return "everybody"
    return "you" if view.is_own else f"{view.owner_name}, with you"


def _state(view: ProviderView) -> str:
    if view.is_behind:
        return "not used: another one of this name is asked"
    return view.trouble or ("on" if view.is_enabled else "off")


def _settings(given: list[str] | None) -> dict[str, Any]:
    pairs = [one.partition("=") for one in given or []]
    wrong = next((name for name, mark, _ in pairs if not mark), None)
    if wrong is not None:
        raise Invalid.field("set", f"{wrong!r} has no value. Write NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def _read_key() -> SecretStr:
    return SecretStr(sys.stdin.readline().rstrip("\r\n"))


def _line(result: CheckResult) -> str:
    return f"{_MARKS[result.status]} {result.stage}: {result.detail}"


def _print(view: ProviderView, *, is_json: bool) -> None:
    if is_json:
        output.print_json(view)
    else:
        state = "on" if view.is_enabled else "off"
        output.say(f"{view.name} ({view.type_label}) is {state}.")
