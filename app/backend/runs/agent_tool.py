"""The tool by which an agent asks another one: a run of its own, below the one that asks."""

from uuid import UUID

from pydantic import Field

from app.backend.agents import service as agents
from app.backend.agents.schemas import RunnableAgent
from app.backend.core.actor import Actor
from app.backend.core.children import ChildCall, ChildEnd
from app.backend.core.db import Session
from app.backend.core.effects import Effect
from app.backend.core.errors import AppError
from app.backend.core.run_events import RunStatus
from app.backend.core.settings import Settings
from app.backend.core.texts import Text
from app.backend.runs import engine_repository, tree_repository
from app.backend.runs.agent_owner import other_owner
from app.backend.runs.days import check_day
from app.backend.runs.inputs import QUERY_LENGTH_MAX
from app.backend.tools.base import AnyTool, Params, Tool, ToolContext, ToolResult

RUN_AGENT = "run_agent"
_NAMES_MAX = 20
_FAILED = {
    RunStatus.STOPPED: "{name} was stopped before it had an answer.",
    RunStatus.TIMED_OUT: "{name} reached a limit: {error}",
}


class AgentParams(Params):
    """Whom to ask what."""

    agent: Text = Field(
        min_length=1, max_length=200, description="Name or id of the agent."
    )
    question: Text = Field(
        min_length=1,
        max_length=QUERY_LENGTH_MAX,
        pattern=r"\S",
        description="The question or task, with all that the agent has to know: it sees nothing else.",
    )


class NoSuchAgent(AppError):
    """The model named an agent that its person does not have."""

    code = "UNKNOWN_AGENT"

    @classmethod
    def of(cls, name: str, known: list[str]) -> "NoSuchAgent":
        """Return the error in words that a model can use."""
        listed = ", ".join(map(repr, known)) or "none"
        return cls(f"There is no agent {name!r}. The agents are: {listed}.")


class NoRoom(AppError):
    """Runs have started runs as deep, or as many, as the installation allows."""

    code = "TOO_MANY_CHILDREN"
    status = 409


def make_agent_tool(settings: Settings) -> AnyTool:
    """Return the tool that asks another agent, within the limits of `settings`."""

    async def ask(params: AgentParams, context: ToolContext) -> ToolResult:
        ended = context.run.children.get(context.key)
        if ended is not None:
            return _result(ended)
        actor = context.run.actor
        async with context.read() as session:
            await _check_room(session, settings, context.run.run_id)
            await check_day(session, actor.user_id)
            agent = await _need_agent(session, actor, params.agent)
        call = ChildCall(
            key=context.key,
            tool_call_id=context.call_id,
            agent_id=agent.id,
            agent_name=agent.name,
            agent_owner_id=other_owner(agent, actor.user_id),
            model=agent.model,
            question=params.question.strip(),
        )
        return _result(context.run.start_child(call))

    return Tool(
        name=RUN_AGENT,
        title="Ask another agent",
        description="Gives a question or task to another agent, waits until it is done, and gives back its answer.",
        about="Lets the agent ask your other agents; name them in its instructions.",
        effect=Effect.IDEMPOTENT,
        params=AgentParams,
        run=ask,
    )


async def _check_room(session: Session, settings: Settings, run_id: UUID) -> None:
    run = await engine_repository.find_run(session, run_id)
    if run is None or run.depth >= settings.run_depth_max:
        message = f"This run may start no other one: runs start runs {settings.run_depth_max} deep at most (ATELIER_RUN_DEPTH_MAX). Go on without."
        raise NoRoom(message)
    if await tree_repository.count_tree(session, run.root_id) >= settings.run_tree_max:
        message = f"As many runs as one question may start ({settings.run_tree_max:,}, ATELIER_RUN_TREE_MAX) are started. Go on without."
        raise NoRoom(message)


async def _need_agent(session: Session, actor: Actor, name: str) -> RunnableAgent:
    agent = await agents.find_named(session, actor, name=name.strip())
    if agent is None:
        page = await agents.list_agents(session, actor, limit=_NAMES_MAX)
        raise NoSuchAgent.of(name, [one.name for one in page.items])
    # In the name of whoever runs: the words of a question must not reach what only the agent's owner may run.
    return await agents.get_agent_to_run(session, actor, agent_id=agent.id)


def _result(end: ChildEnd) -> ToolResult:
    if end.status == RunStatus.COMPLETED:
        answer = end.answer or f"{end.agent_name} gave no answer."
        notes = [f"{end.agent_name}: {end.caveat}"] if end.caveat else []
        return ToolResult(content="\n\n".join([*notes, answer]), notes=notes)
    words = _FAILED.get(end.status, "{name} failed: {error}")
    content = words.format(name=end.agent_name, error=end.error)
    return ToolResult(content=content, is_error=True)
