"""Options that many commands have."""

from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AsOption = Annotated[
    str | None,
    typer.Option("--as", metavar="EMAIL", help="Whose things; default: the owner's."),
]
TagOption = Annotated[
    list[str] | None, typer.Option("--tag", help="A tag; more than one is possible.")
]
AgentArgument = Annotated[str, typer.Argument(metavar="AGENT", help="Id or name.")]
