"""One question to up to four models, whose answers stand side by side."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.agents import service as agents
from app.backend.agents.playground import Trial
from app.backend.agents.schemas import AgentDraft
from app.backend.core.actor import Permission
from app.backend.core.errors import Invalid
from app.state import edge, notices, tabs
from app.state.asking import Asking, PlayAnswer
from app.state.forms import FormMixin
from app.state.model_choices import ModelChoice, model_choices

MODEL_FIELDS = tuple(f"model_{n}" for n in range(1, 5))
_NAME_LENGTH_MAX = 100


class PlaygroundState(FormMixin, rx.State):
    """What is asked, and what the models have said so far; another `round` ends the one before."""

    models: rx.Field[list[ModelChoice]] = rx.field(default_factory=list)
    default_model: rx.Field[str] = rx.field("")
    answers: rx.Field[list[PlayAnswer]] = rx.field(default_factory=list)
    is_asking: rx.Field[bool] = rx.field(False)
    round: rx.Field[int] = rx.field(0)
    _stopped: list[int] = []
    _trial: Trial | None = None

    @rx.event
    @edge.requires(Permission.ADD_RUN)
    async def load(self) -> None:
        """Show the models that can be asked."""
        actor = await edge.require_actor(self)
        catalog = edge.services().models
        found = await catalog.list(actor)
        self.models = model_choices([one for one in found if one.is_available], [])
        try:
            self.default_model = await catalog.default_name(actor)
        except Invalid:
            # Nothing is chosen yet, so the person chooses here.
            self.default_model = ""

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Forget what was asked; what goes on ends."""
        self._end()
        self.answers, self._trial = [], None
        self._clear_errors()

    @rx.event(background=True)
    @edge.requires(Permission.ADD_RUN)
    async def submit(self, form: dict[str, Any]) -> None:
        """Ask the models, and show what they say as they say it."""
        async with self:
            self._clear_errors()
            names, trial = _models_of(form), _trial_of(form)
            self._end()
            self._trial, self.is_asking, wanted = trial, True, self.round
        actor = await edge.require_actor(self)
        async with Asking(edge.services(), actor, names, trial) as asking:
            while tabs.is_open(self) and await self._show(asking, wanted):
                await asking.wait()

    @rx.event
    @edge.requires(Permission.ADD_RUN)
    async def stop(self, place: int) -> None:
        """End the answer of one model."""
        self._stopped = [*self._stopped, place]

    @rx.event
    @edge.requires(Permission.ADD_RUN)
    async def stop_all(self) -> None:
        """End all answers."""
        self._stopped = [answer.place for answer in self.answers]

    @rx.event
    @edge.requires(Permission.ADD_AGENT)
    async def save(self, place: int) -> Any:
        """Make an agent of a model, with the instructions and the limits that it was asked with."""
        answer = next((one for one in self.answers if one.place == place), None)
        trial = self._trial
        if answer is None or trial is None:
            return None
        parts = edge.services()
        draft = AgentDraft(
            name=f"Agent with {answer.model}"[:_NAME_LENGTH_MAX],
            instructions=trial.instructions,
            model=answer.model,
            temperature=trial.temperature,
            max_tokens=trial.max_tokens,
        )
        async with edge.work(self) as (session, actor):
            agent = await agents.create_agent(
                session,
                actor,
                draft=draft,
                keyring=parts.keyring,
                default_model=answer.model,
                tools=parts.tools,
            )
        return [
            rx.redirect(routes.agent_edit_path(agent.id)),
            notices.done(f"{agent.name} is saved. Give it a name."),
        ]

    async def _show(self, asking: Asking, wanted: int) -> bool:
        """Show what was said; whether there is more to come."""
        async with self:
            if self.round != wanted:
                return False
            for place in self._stopped:
                asking.stop(place)
            self.answers = list(asking.answers)
            self.is_asking = not asking.is_over
            return self.is_asking

    def _end(self) -> None:
        self.round += 1
        self._stopped, self.is_asking = [], False


def _models_of(form: dict[str, Any]) -> list[str]:
    named = [str(form[name]) for name in MODEL_FIELDS if form.get(name)]
    names = list(dict.fromkeys(named))
    if not names:
        raise Invalid.field(MODEL_FIELDS[0], "Choose a model.")
    return names


def _trial_of(form: dict[str, Any]) -> Trial:
    given = {name: value for name, value in form.items() if name in Trial.model_fields}
    return Trial.model_validate(given)
