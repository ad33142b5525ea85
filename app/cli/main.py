"""The command line `atelier`; the module of a command is imported when the command is used."""

import importlib
import logging
import sys

import typer
from typer.core import TyperGroup
from typing_extensions import override

# Importing all of them takes seconds, and `up` must start at once and stay small.
COMMANDS = {
    "up": "app.cli.up:app",
    "build": "app.cli.build:app",
    "user": "app.cli.user:app",
    "group": "app.cli.group:app",
    "tier": "app.cli.tier:app",
    "share": "app.cli.share:app",
    "audit": "app.cli.audit:app",
    "key": "app.cli.key:app",
    "secret": "app.cli.secret:app",
    "agent": "app.cli.agent:app",
    "run": "app.cli.run:app",
    "checkpoints": "app.cli.checkpoints:app",
    "kb": "app.cli.kb:app",
    "migrate": "app.cli.migrate:app",
    "version": "app.cli.version:app",
    "models": "app.cli.models:app",
    "provider": "app.cli.provider:app",
    "middleware": "app.cli.middleware:app",
    "usage": "app.cli.usage:app",
    "budget": "app.cli.budget:app",
    "doctor": "app.cli.doctor:app",
    "system": "app.cli.system:app",
    "backup": "app.cli.backup:backup_app",
    "restore": "app.cli.backup:restore_app",
}
# It runs as long as the installation, and logs nothing: it says what there is to say.
_SMALL = "up"


class LazyGroup(TyperGroup):
    """Finds a command where COMMANDS says its Typer app is."""

    @override
    def list_commands(self, ctx: typer.Context) -> list[str]:
        return [*COMMANDS]

    @override
    def get_command(self, ctx: typer.Context, cmd_name: str):  # noqa: ANN201 - typer's own copy of click has the type
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        found = getattr(importlib.import_module(module), attribute)
        command = typer.main.get_command(found)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def atelier() -> None:
    """Run AI agents in the background, and watch them answer."""


def main() -> None:
    """Run the command that the arguments name."""
    if sys.argv[1:2] != [_SMALL]:
        _be_quiet()
    app()


def _be_quiet() -> None:
    import structlog

    # Results go to the output; what went wrong inside is for the other one.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
