"""`atelier doctor`: how each part of the installation is, and what to do about what is not well."""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from app.backend import bootstrap
from app.backend.api.health import Health, PartHealth, check_parts
from app.backend.bootstrap import Services
from app.backend.core import crypto, master_keys, roles
from app.backend.core.db import Database
from app.backend.core.errors import AppError
from app.backend.core.master_keys import MasterKeyMissing
from app.backend.core.sealing import check_keys
from app.backend.core.settings import Settings
from app.backend.identity.mail import MailFailed
from app.backend.identity.outside import directory
from app.backend.identity.outside.directory import DirectoryAway
from app.backend.identity.outside.discovery import Discovery
from app.backend.identity.outside.errors import IssuerAway
from app.backend.identity.outside.issuers import Issuer, callback_url, list_issuers
from app.backend.identity.smtp import SmtpMailer
from app.backend.models import files
from app.cli import build, claims, output
from app.cli.edge import Exit, command
from app.cli.isolation import prover
from app.cli.options import JsonOption
from app.cli.running import open_parts

_FREE_BYTES_MIN = 1 << 30
_COLOURS = {Health.OK: "green", Health.DEGRADED: "yellow", Health.DOWN: "red"}
# Nobody listens there: a part that has no address yet is simply not running.
_NOWHERE = "127.0.0.1:1"
ISOLATION_FILE = "isolation.json"

app = typer.Typer(add_completion=False)


IsolationOption = Annotated[
    bool,
    typer.Option(
        "--isolation",
        help="Prove on the running installation that nobody sees or changes what is not theirs.",
    ),
]
UrlOption = Annotated[
    str, typer.Option("--url", help="With --isolation: where the pages are.")
]


@app.command("doctor")
@command
async def doctor(
    is_isolation: IsolationOption = False,
    url: UrlOption = "",
    is_json: JsonOption = False,
) -> None:
    """Look at every part; the exit code is 0 when all are well, 1 when not."""
    settings = claims.load_settings()
    if is_isolation:
        await _prove_isolation(url or settings.web_address, is_json=is_json)
        return
    found = [_look(name, settings) for name in _LOCAL]
    if settings.has_mail:
        found.append(await _look_at_mail(settings))
    found += [await _look_at_issuer(one, settings) for one in list_issuers(settings)]
    if settings.ldap_url:
        found.append(await _look_at_directory(settings))
    if found[0].status is Health.OK:
        found += await _look_at_parts(settings)
    if is_json:
        output.print_json(found)
    else:
        _show(found)
    if any(part.status is not Health.OK for part in found):
        raise typer.Exit(Exit.FAILED)


async def _prove_isolation(address: str, *, is_json: bool) -> None:
    async with open_parts(None) as (services, _):
        report = await prover.prove(services, address.rstrip("/"))
        path = services.settings.data_dir / ISOLATION_FILE
    report.write(path)
    if is_json:
        output.print_json(report)
    else:
        report.show()
        count = sum(report.tried.values())
        output.say(
            f"{count} attacks in {report.seconds} s, {len(report.findings)} findings. The report is in {path}."
        )
    if report.findings:
        raise typer.Exit(Exit.FAILED)


def _look(name: str, settings: Settings) -> PartHealth:
    status, message = _LOCAL[name](settings)
    return PartHealth(name=name, status=status, message=message)


async def _look_at_mail(settings: Settings) -> PartHealth:
    try:
        await SmtpMailer(settings).check()
    except MailFailed as error:
        text = f"{settings.smtp_host} does not take mail ({error}). Check the settings ATELIER_SMTP_*."
        return PartHealth(name="mail", status=Health.DOWN, message=text)
    return PartHealth(name="mail", status=Health.OK, message=settings.smtp_host)


async def _look_at_issuer(issuer: Issuer, settings: Settings) -> PartHealth:
    name, discovery = f"login {issuer.key}", Discovery()
    try:
        if (await discovery.metadata(issuer)).jwks_uri is not None:
            await discovery.keys(issuer)
    except IssuerAway as error:
        text = f"{issuer.issuer} does not answer as an issuer ({error.__cause__}). Check its address, see docs/logins.md."
        return PartHealth(name=name, status=Health.DOWN, message=text)
    text = f"{issuer.issuer}; callback URL {callback_url(settings, issuer.key)}"
    return PartHealth(name=name, status=Health.OK, message=text)


async def _look_at_directory(settings: Settings) -> PartHealth:
    name = "login ldap"
    try:
        await directory.check(settings)
    except DirectoryAway as error:
        text = f"{settings.ldap_url} cannot be asked ({error.__cause__}). Check the settings ATELIER_LDAP_*."
        return PartHealth(name=name, status=Health.DOWN, message=text)
    return PartHealth(name=name, status=Health.OK, message=settings.ldap_url)


async def _look_at_parts(settings: Settings) -> list[PartHealth]:
    reachable = settings.model_copy(
        update={
            "redis_url": settings.redis_url or f"redis://{_NOWHERE}",
            "chroma_url": settings.chroma_url or f"http://{_NOWHERE}",
        }
    )
    async with bootstrap.build(reachable) as services:
        parts = (await check_parts(services)).parts
        database = next(part for part in parts if part.name == "database")
        if database.status is Health.DOWN:
            return parts
        parts += await _look_at_secrets(services)
        if not services.db.is_sqlite:
            parts.append(await look_at_role(services.db))
        return parts


async def look_at_role(db: Database) -> PartHealth:
    """Return whether PostgreSQL keeps its policies for the role that the platform works with."""
    name, role = "row security", await roles.find_bypass(db)
    if role is None:
        return PartHealth(name=name, status=Health.OK)
    text = f"The role {role!r} of ATELIER_DATABASE_URL is a superuser or has BYPASSRLS, so PostgreSQL shows it everybody's rows whatever the policies say. Give Atelier a role of its own, see docs/deployment.md."
    return PartHealth(name=name, status=Health.DEGRADED, message=text)


async def _look_at_secrets(services: Services) -> list[PartHealth]:
    name = "stored secrets"
    try:
        async with services.db.read() as session:
            await check_keys(session, services.keyring)
    except MasterKeyMissing as error:
        return [PartHealth(name=name, status=Health.DOWN, message=error.message)]
    return [PartHealth(name=name, status=Health.OK)]


def _check_data_folder(settings: Settings) -> tuple[Health, str]:
    folder = settings.data_dir.resolve()
    if not folder.is_dir():
        return Health.DOWN, f"{folder} does not exist yet. Start with `atelier up`."
    if not os.access(folder, os.W_OK | os.X_OK):
        return Health.DOWN, f"{folder} cannot be written. Make it writable."
    free = shutil.disk_usage(folder).free
    if free < _FREE_BYTES_MIN:
        return (
            Health.DEGRADED,
            f"Only {free / 1e6:.0f} MB are free on the disk of {folder}. Make room.",
        )
    return Health.OK, f"{folder}, {free / 1e9:.0f} GB free."


def _check_key(settings: Settings) -> tuple[Health, str]:
    if settings.secret_key is not None:
        return Health.OK, "From ATELIER_SECRET_KEY."
    path = settings.data_dir / crypto.KEY_FILE
    if not path.is_file():
        return Health.DEGRADED, "There is none yet. `atelier up` makes it."
    return _check_mode(path)


def _check_master_key(settings: Settings) -> tuple[Health, str]:
    path = settings.data_dir / master_keys.KEY_FILE
    if settings.master_keys:
        return Health.OK, "From ATELIER_FIELD_ENCRYPTION_KEY."
    if path.is_file():
        return _check_mode(path)
    if settings.secret_key is not None:
        return Health.OK, "Derived from ATELIER_SECRET_KEY."
    return Health.DEGRADED, "There is none yet. `atelier up` makes it."


def _check_mode(path: Path) -> tuple[Health, str]:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Health.DOWN, f"Others can read it. Run: chmod 600 {path}"
    return Health.OK, ""


def _check_models(settings: Settings) -> tuple[Health, str]:
    try:
        for file in files.DEFAULT_FILES:
            files.find_file(file, settings.models_dir)
    except AppError as error:
        return Health.DOWN, error.message
    return Health.OK, ""


def _check_front_end(_settings: Settings) -> tuple[Health, str]:
    if build.is_built():
        return Health.OK, ""
    return Health.DEGRADED, "It is not built for these sources. Run `atelier build`."


def _show(found: list[PartHealth]) -> None:
    table = Table("part", "state", "", box=None, pad_edge=False)
    for part in found:
        colour = _COLOURS[part.status]
        table.add_row(part.name, f"[{colour}]{part.status}[/]", part.message)
    output.console().print(table)


_LOCAL: dict[str, Callable[[Settings], tuple[Health, str]]] = {
    "data folder": _check_data_folder,
    "secret key": _check_key,
    "master key": _check_master_key,
    "model files": _check_models,
    "front end": _check_front_end,
}
