"""`atelier run tree`: a run with what it started."""

from typing import Annotated

import typer

from app.backend.runs import trees
from app.backend.runs.trees import RunNode
from app.cli import output
from app.cli.edge import command, read
from app.cli.lookup import need_uuid
from app.cli.options import AsOption, JsonOption


@command
async def tree(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of any of its runs.")],
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Show the tree of runs that a run belongs to."""
    run_id = need_uuid(run, "run")
    async with read(as_email) as (session, actor):
        found = await trees.read_tree(session, actor, run_id=run_id)
    if is_json:
        output.print_json(found)
        return
    output.print_table(
        ("run", "status", "seconds", "tokens", "id"),
        [
            (
                f"{'  ' * node.depth}{node.agent_name}",
                _status(node),
                f"{node.seconds:g}",
                node.tokens_in + node.tokens_out,
                f"{node.id}{' (this one)' if node.id == run_id else ''}",
            )
            for node in found.items
        ],
    )


def _status(node: RunNode) -> str:
    return "waits for the next" if node.waits_for_id else node.status
