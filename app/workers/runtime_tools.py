"""The runtime's services as MCP tools, for other agents and MCP clients."""

from collections.abc import Generator
from contextlib import aclosing, contextmanager
from typing import Annotated, Any
from uuid import UUID

from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.dependencies import get_http_request
from pydantic import Field

from app.backend.agents import service as agents
from app.backend.bootstrap import Services
from app.backend.core import acting
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import AppError, Forbidden
from app.backend.core.run_events import StageChanged
from app.backend.knowledge.schemas import SearchResult
from app.backend.knowledge.search import search
from app.backend.providers.local_chat import ChatRequest, Text
from app.backend.providers.local_engine import LocalEngine
from app.backend.runs.execute import ExecuteBody, ExecuteResult
from app.workers.runtime_agents import ExecuteStream
from app.workers.runtime_auth import actor_of
from app.workers.runtime_schemas import ChatMessage

Question = Annotated[str, Field(min_length=1, max_length=20_000)]


class RuntimeTools:
    """Tools that do for their caller what the routes do."""

    def __init__(self, services: Services, engine: LocalEngine) -> None:
        self._services = services
        self._engine = engine

    def add_to(self, server: FastMCP[Any]) -> None:
        """Register the tools."""
        for tool in (self.run_agent, self.search_knowledge, self.embed, self.chat):
            server.tool(tool)

    async def run_agent(
        self, agent_id: UUID, query: Question, ctx: Context
    ) -> ExecuteResult:
        """Ask one of your agents a question; returns its answer with citations."""
        with _explained():
            actor = _actor(Permission.ADD_RUN)
            run = ExecuteStream(
                self._services, actor, ExecuteBody(agent_id=agent_id, query=query)
            )
            async with aclosing(run.events()) as events:
                async for event in events:
                    if isinstance(event, StageChanged):
                        await ctx.info(f"{event.stage}: {event.message}")
            return run.result()

    async def search_knowledge(
        self,
        agent_id: UUID,
        query: Question,
        limit: Annotated[int, Field(ge=1, le=20)] = 4,
    ) -> SearchResult:
        """Find the passages in an agent's documents that fit a question best."""
        with _explained():
            actor = _actor(Permission.VIEW_KNOWLEDGE)
            with acting.as_user(actor.user_id):
                async with self._services.db.read() as session:
                    agent = await agents.get_agent(session, actor, agent_id=agent_id)
            return await search(
                self._services,
                actor,
                collection_ids=agent.collection_ids,
                query=query,
                limit=limit,
            )

    async def embed(
        self, texts: Annotated[list[str], Field(min_length=1, max_length=256)]
    ) -> list[list[float]]:
        """Turn texts into vectors with the embedder of this installation."""
        with _explained():
            return await self._services.embedder.embed(texts)

    async def chat(
        self,
        messages: Annotated[list[ChatMessage], Field(min_length=1)],
        max_tokens: Annotated[int, Field(ge=1)] = 200,
        temperature: Annotated[float, Field(ge=0, le=2)] = 0.0,
    ) -> str:
        """Ask the local model; it answers one caller at a time."""
        request = ChatRequest(
            [message.plain() for message in messages], max_tokens, temperature
        )
        with _explained():
            async with aclosing(self._engine.chat(request)) as pieces:
                return "".join(
                    [piece.text async for piece in pieces if isinstance(piece, Text)]
                )


def _actor(permission: Permission) -> Actor:
    actor = actor_of(get_http_request())
    if actor is None:
        message = "The internal token acts for nobody here. Send an API key."
        raise Forbidden(message)
    if not actor.may(permission):
        message = f"This API key lacks the permission {permission.value!r}. Use a key of somebody who has it."
        raise Forbidden(message)
    return actor


@contextmanager
def _explained() -> Generator[None, None, None]:
    try:
        yield
    except AppError as error:
        raise ToolError(error.message) from error
