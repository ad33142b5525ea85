"""`atelier kb`: what agents know."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.backend.agents import collections
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.errors import AppError, Invalid
from app.backend.files.validation import ACCEPTED, KINDS
from app.backend.knowledge import search as knowledge_search
from app.backend.knowledge import service as knowledge
from app.backend.knowledge import uploads
from app.backend.knowledge.choice import (
    check_change,
    choose_embedder,
    list_embedders,
)
from app.backend.knowledge.excerpts import excerpt
from app.backend.knowledge.schemas import (
    CollectionDraft,
    CollectionView,
    DocumentStatus,
    DocumentView,
    SearchResult,
)
from app.cli import output
from app.cli.edge import Exit, command
from app.cli.lookup import find_agent
from app.cli.options import AgentArgument, AsOption, JsonOption
from app.cli.running import open_parts

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Documents of agents."
)

_FINAL = (DocumentStatus.READY, DocumentStatus.FAILED)
_LOOK_SECONDS = 0.3


@app.callback()
def _kb() -> None:
    """Documents of agents."""


@app.command()
@command
async def add(
    agent: AgentArgument,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files or folders.")
    ],
    is_waiting: Annotated[
        bool, typer.Option("--wait", help="Wait until each is ready or has failed.")
    ] = False,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Upload documents for an agent; a folder means all readable files below it."""
    files = list(_files(paths))
    async with open_parts(as_email) as (parts, actor):
        model = await choose_embedder(parts, actor)
        async with parts.db.transaction() as session:
            found = await find_agent(session, actor, agent)
            collection_id = await collections.need_collection(
                session, actor, agent_id=found.id, embedding_model=model
            )
        documents: list[DocumentView] = []
        refused: list[tuple[Path, str]] = []
        for path in files:
            try:
                view = await uploads.upload_document(
                    parts,
                    actor,
                    collection_id=collection_id,
                    name=path.name,
                    body=await asyncio.to_thread(path.read_bytes),
                )
                documents.append(view)
            except AppError as error:  # lint-skip: edge-catch
                refused.append((path, error.message))
        if is_waiting:
            documents = [await _wait(parts, actor, view) for view in documents]
    _print_added(documents, refused, is_json=is_json)
    if refused or any(view.status is DocumentStatus.FAILED for view in documents):
        raise typer.Exit(Exit.FAILED)


@app.command()
@command
async def search(
    agent: AgentArgument,
    query: Annotated[str, typer.Argument(help="What to look for.")],
    limit: Annotated[int, typer.Option(min=1, max=20, help="Most passages.")] = 4,
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Find the passages of an agent's documents that fit a query best."""
    async with open_parts(as_email) as (parts, actor):
        async with parts.db.read() as session:
            found = await find_agent(session, actor, agent)
        if not found.collection_ids:
            message = (
                f"{found.name!r} has no documents. Add some with `atelier kb add`."
            )
            raise Invalid.field("agent", message)
        result = await knowledge_search.search(
            parts, actor, collection_ids=found.collection_ids, query=query, limit=limit
        )
    _print_found(result, is_json=is_json)


@app.command()
@command
async def embedder(
    agent: AgentArgument,
    model: Annotated[
        str, typer.Argument(help="As provider/model, or that on this machine.")
    ] = "",
    as_email: AsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Let another model make the vectors of an agent's documents, which are embedded anew; without one, list the models."""
    async with open_parts(as_email) as (parts, actor):
        async with parts.db.read() as session:
            found = await find_agent(session, actor, agent)
            views = [
                await knowledge.get_collection(session, actor, collection_id=one)
                for one in found.collection_ids
            ]
        if model:
            views = [await _embed_with(parts, actor, view, model) for view in views]
        names = await list_embedders(parts, actor)
    if is_json:
        output.print_json({"items": views, "models": list(names)})
        return
    output.print_table(
        ("collection", "embedding model"),
        [(view.name, view.embedding_model) for view in views],
    )
    output.note(f"There are: {', '.join(names)}.")


async def _embed_with(
    parts: Services, actor: Actor, view: CollectionView, model: str
) -> CollectionView:
    await check_change(parts, actor, collection_id=view.id, named=model)
    draft = CollectionDraft(
        name=view.name, description=view.description, embedding_model=model
    )
    async with parts.db.transaction() as session:
        return await knowledge.update_collection(
            session,
            actor,
            collection_id=view.id,
            draft=draft,
            outbox=parts.outbox,
        )


async def _wait(parts: Services, actor: Actor, view: DocumentView) -> DocumentView:
    while view.status not in _FINAL:
        await asyncio.sleep(_LOOK_SECONDS)
        async with parts.db.read() as session:
            view = await knowledge.get_document(session, actor, document_id=view.id)
    return view


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            found = [p for p in sorted(path.rglob("*")) if _is_readable(p)]
            if not found:
                message = f"There is no {ACCEPTED} file in {str(path)!r}."
                raise Invalid.field("path", message)
            yield from found
        elif path.is_file():
            yield path
        else:
            raise Invalid.field("path", f"There is no file {str(path)!r}.")


def _is_readable(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in KINDS


def _print_added(
    documents: Sequence[DocumentView],
    refused: Sequence[tuple[Path, str]],
    *,
    is_json: bool,
) -> None:
    if is_json:
        failures = [{"name": path.name, "error": error} for path, error in refused]
        output.print_json({"items": list(documents), "refused": failures})
        return
    rows = [(view.id, view.name, view.status, view.error) for view in documents]
    failed = [("", path.name, "refused", error) for path, error in refused]
    output.print_table(("id", "name", "status", "error"), [*rows, *failed])


def _print_found(result: SearchResult, *, is_json: bool) -> None:
    if is_json:
        output.print_json(result)
        return
    for note in result.notes:
        output.note(note)
    if not result.is_relevant:
        output.note("Nothing in these documents answers this. The nearest passages:")
    for passage in result.passages:
        page = f", page {passage.page}" if passage.page else ""
        output.say(f"[{passage.n}] {passage.document_name}{page} ({passage.score:.2f})")
        words = excerpt(passage.text, passage.document_name)
        output.say(f"    {' '.join(words.split())}\n")
