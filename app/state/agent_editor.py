"""Making and changing one agent."""

from functools import partial
from typing import Any
from uuid import UUID

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app import routes
from app.backend.agents import service as agents
from app.backend.agents.schemas import AgentDraft, AgentKind, AgentView, Execution
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import Invalid, NotFound
from app.backend.identity.sharing_schemas import Level, Shown
from app.backend.knowledge import service as knowledge
from app.backend.tools.registry import ToolRegistry
from app.state import edge, notices
from app.state.editor_values import (
    EditorValues,
    TemplateLine,
    template_lines,
    values_of,
    values_of_template,
)
from app.state.forms import FormMixin
from app.state.model_choices import ModelChoice, fallbacks_of, model_choices

COLLECTIONS_SHOWN = 100
# An empty field leaves the limit to the installation.
LIMITS = ("steps_max", "seconds_max", "tokens_max")
_COLLECTION_FIELD = "collection:"
_TOOL_FIELD = "tool:"


class CollectionChoice(BaseModel):
    """A collection to tick."""

    model_config = ConfigDict(frozen=True)

    field: str
    name: str
    documents: int
    is_chosen: bool


class ToolChoice(BaseModel):
    """A tool to tick; `effect` says what happens when it is called twice."""

    model_config = ConfigDict(frozen=True)

    field: str
    title: str
    about: str
    effect: str
    is_chosen: bool


class AgentEditorState(FormMixin, rx.State):
    """The form; a new `form_key` makes it start afresh from `values`."""

    is_missing: rx.Field[bool] = rx.field(False)
    editing_id: rx.Field[str] = rx.field("")
    form_key: rx.Field[str] = rx.field("")
    values: rx.Field[EditorValues] = rx.field(default_factory=EditorValues)
    models: rx.Field[list[ModelChoice]] = rx.field(default_factory=list)
    collections: rx.Field[list[CollectionChoice]] = rx.field(default_factory=list)
    tools: rx.Field[list[ToolChoice]] = rx.field(default_factory=list)
    templates: rx.Field[list[TemplateLine]] = rx.field(default_factory=template_lines)
    saved_at: rx.Field[str] = rx.field("")

    @rx.event
    @edge.requires(Permission.ADD_AGENT)
    async def load_new(self) -> None:
        """Start an agent: empty, or from the template that the address names."""
        key = edge.query_value(self, "template")
        self._begin(f"new-{key}")
        self.values = values_of_template(key, await self._default_model())
        await self._load_choices([])

    @rx.event
    @edge.requires(Permission.CHANGE_AGENT)
    async def load_existing(self) -> Any:
        """Show the agent that the address names; who may only look at it is led to its page."""
        try:
            agent_id = edge.id_in_path(self, "agent")
            async with edge.read(self) as (session, actor):
                agent = await agents.get_agent(session, actor, agent_id=agent_id)
        except NotFound:
            self.is_missing = True
            return None
        self.is_missing = False
        if not agent.access.covers(Level.EDIT):
            return rx.redirect(routes.agent_path(agent.id), replace=True)
        self._begin(f"{agent.id}-{agent.updated_at.isoformat()}")
        self.editing_id = str(agent.id)
        self.values = values_of(agent)
        await self._load_choices(agent.collection_ids)
        return None

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Forget the form."""
        self.reset()

    @rx.event
    @edge.requires(Permission.CHANGE_AGENT)
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep what the form says, and go to the agent."""
        self._clear_errors()
        draft = _draft_of(form)
        parts = edge.services()
        if draft.kind is not AgentKind.QUOTES and draft.execution is Execution.WORKER:
            owner = await self._owner()
            await parts.models.check(owner, draft.model)
            for name in draft.fallbacks:
                await parts.models.check(owner, name, field="fallbacks")
        agent = await self._keep(draft)
        self.saved_at = agent.updated_at.isoformat()
        return [
            rx.redirect(routes.agent_path(agent.id)),
            notices.done(f"{agent.name} is saved."),
        ]

    async def _owner(self) -> Actor:
        """Return who owns the agent, in whose name its model is asked."""
        async with edge.read(self) as (session, actor):
            if not self.editing_id:
                return actor
            agent_id = edge.parse_id(self.editing_id, "agent")
            return await agents.get_owner(session, actor, agent_id=agent_id)

    async def _default_model(self) -> str:
        try:
            actor = await edge.require_actor(self)
            return await edge.services().models.default_name(actor)
        except Invalid:
            # Nothing is chosen yet, so the person chooses here.
            return ""

    def _begin(self, form_key: str) -> None:
        if form_key != self.form_key:
            self.reset()
        self.form_key = form_key

    async def _keep(self, draft: AgentDraft) -> AgentView:
        parts = edge.services()
        keep = (
            partial(agents.update_agent, agent_id=UUID(self.editing_id))
            if self.editing_id
            else agents.create_agent
        )
        default = await parts.models.default_name(await self._owner(), draft.model)
        async with edge.work(self) as (session, actor):
            return await keep(
                session,
                actor,
                draft=draft,
                keyring=parts.keyring,
                default_model=default,
                tools=parts.tools,
            )

    async def _load_choices(self, chosen: list[UUID]) -> None:
        async with edge.read(self) as (session, actor):
            found = [
                item
                for shown in (Shown.MINE, Shown.SHARED)
                for item in (
                    await knowledge.list_collections(
                        session, actor, shown=shown, limit=COLLECTIONS_SHOWN
                    )
                ).items
            ]
            # What is not ticked in the form is taken from the agent, so all that it has stands there.
            listed = {item.id for item in found}
            found += [
                await knowledge.get_collection(session, actor, collection_id=one)
                for one in chosen
                if one not in listed
            ]
        self.collections = [
            CollectionChoice(
                field=f"{_COLLECTION_FIELD}{item.id}",
                name=item.name,
                documents=item.documents,
                is_chosen=item.id in chosen,
            )
            for item in found
        ]
        self.tools = _tool_choices(edge.services().tools, self.values.tools)
        await self._load_models()

    async def _load_models(self) -> None:
        models = await edge.services().models.list(await self._owner())
        values = self.values
        self.models = model_choices(models, [values.model, *values.fallbacks])


def _tool_choices(tools: ToolRegistry, chosen: list[str]) -> list[ToolChoice]:
    return [
        ToolChoice(
            field=f"{_TOOL_FIELD}{tool.name}",
            title=tool.title,
            about=tool.about,
            effect=tool.effect,
            is_chosen=tool.name in chosen,
        )
        for tool in tools.list()
    ]


def _ticked(form: dict[str, Any], prefix: str) -> list[str]:
    return [
        name.removeprefix(prefix)
        for name, value in form.items()
        if name.startswith(prefix) and value
    ]


def _draft_of(form: dict[str, Any]) -> AgentDraft:
    texts = {
        name: value for name, value in form.items() if name in AgentDraft.model_fields
    }
    prompts = [
        line.strip() for line in str(form.get("suggested_prompts", "")).splitlines()
    ]
    return AgentDraft.model_validate(
        {
            **texts,
            **{name: form.get(name) or None for name in LIMITS},
            "remote_key": form.get("remote_key") or None,
            "fallbacks": fallbacks_of(form),
            "suggested_prompts": [line for line in prompts if line],
            "collection_ids": _ticked(form, _COLLECTION_FIELD),
            "tools": _ticked(form, _TOOL_FIELD),
        }
    )
