"""The tool by which an agent searches its documents."""

from pydantic import Field

from app.backend.core.effects import Effect
from app.backend.core.texts import Text
from app.backend.knowledge.parts import SearchParts
from app.backend.knowledge.search import search
from app.backend.knowledge.telling import tell_found
from app.backend.tools.base import AnyTool, Params, Tool, ToolContext, ToolResult

SEARCH_TOOL = "search_knowledge"
NO_DOCUMENTS = "This agent has no documents."
NOTHING = "No passage fits. Try other words, or say that the documents have no answer."


class SearchParams(Params):
    """What to look for."""

    query: Text = Field(
        min_length=1,
        max_length=2_000,
        description="What to look for, in words that the documents may use.",
    )


def make_search_tool(parts: SearchParts) -> AnyTool:
    """Return the tool that searches with `parts`."""

    async def find(params: SearchParams, context: ToolContext) -> ToolResult:
        if not context.collection_ids:
            return ToolResult(content=NO_DOCUMENTS)
        found = await search(
            parts,
            context.run.agent_owner,
            collection_ids=context.collection_ids,
            query=params.query,
            limit=context.passages,
            asker_id=context.run.actor.user_id,
        )
        tell_found(context.run, found)
        texts = [
            f"From {passage.document_name}:\n{passage.text.strip()}"
            for passage in found.passages
        ]
        return ToolResult(
            content="\n\n".join([*found.notes, *(texts or [NOTHING])]),
            passages=found.passages,
            notes=found.notes,
        )

    return Tool(
        name=SEARCH_TOOL,
        title="Search documents",
        description="Searches the documents that were given to you, and gives back the passages that fit best.",
        about="Searches the collections that you tick under Knowledge.",
        effect=Effect.PURE,
        params=SearchParams,
        run=find,
    )
