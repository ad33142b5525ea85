"""Tells what a search cannot know: documents whose ingest goes on, and collections that are not shared any more."""

from app.backend.agents.context import AgentParts
from app.backend.agents.prompts import unread_caveat
from app.backend.agents.spec import AgentSpec
from app.backend.core import acting
from app.backend.core.run_context import RunContext
from app.backend.core.run_events import Level, Log
from app.backend.knowledge import service as knowledge


async def find_caveat(parts: AgentParts, spec: AgentSpec, run: RunContext) -> str:
    """Return, and log, what the reader of an answer should know; mostly nothing."""
    with acting.as_user(run.agent_owner.user_id):
        async with parts.db.read() as session:
            unread, documents = await knowledge.count_unread(
                session, run.agent_owner, collection_ids=spec.collection_ids
            )
    if not unread:
        return ""
    caveat = unread_caveat(unread, documents)
    run.emit(Log(level=Level.WARNING, message=caveat))
    return caveat


def tell_lost(spec: AgentSpec, run: RunContext) -> None:
    """Log that the agent should search collections which its owner may not see any more; mostly nothing."""
    if not spec.collections_lost:
        return
    lost = spec.collections_lost
    what = "1 collection is" if lost == 1 else f"{lost} collections are"
    message = f"{what} skipped: no longer shared with the agent's owner. The owner can take them off the agent, or ask for access."
    run.emit(Log(level=Level.WARNING, message=message))
