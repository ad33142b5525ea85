"""Tells what a search cannot know yet: documents whose ingest goes on."""

from app.backend.agents.context import AgentParts
from app.backend.agents.prompts import unread_caveat
from app.backend.agents.spec import AgentSpec
from app.backend.core.run_context import RunContext
from app.backend.core.run_events import Level, Log
from app.backend.knowledge import service as knowledge


async def find_caveat(parts: AgentParts, spec: AgentSpec, run: RunContext) -> str:
    """Return, and log, what the reader of an answer should know; mostly nothing."""
    async with parts.db.read() as session:
        unread, documents = await knowledge.count_unread(
            session, run.actor, collection_ids=spec.collection_ids
        )
    if not unread:
        return ""
    caveat = unread_caveat(unread, documents)
    run.emit(Log(level=Level.WARNING, message=caveat))
    return caveat
