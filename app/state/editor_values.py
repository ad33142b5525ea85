"""What the agent editor's form starts with: nothing, a template, or an agent."""

from pydantic import BaseModel, ConfigDict

from app.backend.agents.schemas import AgentDraft, AgentView
from app.backend.agents.templates import TEMPLATES
from app.state.model_choices import fallback_values


class EditorValues(BaseModel):
    """The fields as their inputs have them."""

    model_config = ConfigDict(frozen=True)

    name: str = ""
    description: str = ""
    kind: str = "answer"
    instructions: str = ""
    model: str = ""
    fallbacks: list[str] = fallback_values([])
    temperature: str = "0"
    max_tokens: str = "200"
    passages: str = "4"
    execution: str = "worker"
    remote_url: str = ""
    remote_agent_id: str = ""
    has_remote_key: bool = False
    suggested_prompts: str = ""
    tools: list[str] = []
    concurrency: str = "enqueue"
    steps_max: str = ""
    seconds_max: str = ""
    tokens_max: str = ""


class TemplateLine(BaseModel):
    """A template to start from."""

    model_config = ConfigDict(frozen=True)

    key: str
    name: str
    description: str


def template_lines() -> list[TemplateLine]:
    """Return the templates to choose from."""
    return [
        TemplateLine(
            key=item.key, name=item.draft.name, description=item.draft.description
        )
        for item in TEMPLATES
    ]


def values_of_template(key: str, default_model: str) -> EditorValues:
    """Return what the template called `key` has, or an empty form."""
    found = next((item.draft for item in TEMPLATES if item.key == key), None)
    return (
        _values(found, default_model, has_key=False)
        if found
        else EditorValues(model=default_model)
    )


def values_of(agent: AgentView) -> EditorValues:
    """Return what an agent has."""
    return _values(agent, agent.model, has_key=agent.has_remote_key)


def _values(
    source: AgentDraft | AgentView, model: str, *, has_key: bool
) -> EditorValues:
    return EditorValues(
        name=source.name,
        description=source.description,
        kind=source.kind,
        instructions=source.instructions,
        model=source.model or model,
        fallbacks=fallback_values(source.fallbacks),
        temperature=f"{source.temperature:g}",
        max_tokens=str(source.max_tokens),
        passages=str(source.passages),
        execution=source.execution,
        remote_url=source.remote_url,
        remote_agent_id=source.remote_agent_id,
        has_remote_key=has_key,
        suggested_prompts="\n".join(source.suggested_prompts),
        tools=source.tools,
        concurrency=source.concurrency,
        steps_max=_number(source.steps_max),
        seconds_max=_number(source.seconds_max),
        tokens_max=_number(source.tokens_max),
    )


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
