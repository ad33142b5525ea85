"""Every event that not everybody may send, sent by somebody whose role lacks the right: it is refused, and changes nothing."""

import inspect
from typing import Any

import pytest

from app.backend.core.actor import Actor, Permission, Role
from app.state import edge
from app.surface import events
from tests.factories.rows import MakeUser
from tests.integration.state.conftest import SignIn
from tests.states import make_state

REFUSAL = "Your role does not allow this."
# Not for those who only look.
FOR_USERS = {
    "AgentEditorState.load_existing",
    "AgentEditorState.load_new",
    "AgentEditorState.save",
    "AgentListState.archive",
    "AgentListState.ask_delete",
    "AgentListState.delete",
    "AgentListState.duplicate",
    "AgentListState.keep",
    "AgentListState.restore",
    "AgentRunState.ask",
    "AgentRunState.begin_again",
    "AgentRunState.submit",
    "AgentRunState.switch",
    "AgentRunState.write",
    "CollectionListState.close_form",
    "CollectionListState.create",
    "CollectionListState.open_form",
    "CollectionState.ask_delete",
    "CollectionState.close_form",
    "CollectionState.delete",
    "CollectionState.keep",
    "CollectionState.open_form",
    "CollectionState.retry",
    "CollectionState.save",
    "DashboardState.ask",
    "ModelFormState.open",
    "ModelFormState.save",
    "ModelListState.confirm",
    "ModelListState.make_cheap",
    "ModelListState.make_default",
    "ModelListState.switch_model",
    "ModelListState.switch_provider",
    "ModelOffersState.add",
    "ModelOffersState.add_named",
    "ModelOffersState.open",
    "ModelOffersState.pull",
    "NoteListState.ask_delete",
    "NoteListState.delete",
    "NoteListState.save",
    "ProviderWizardState.choose",
    "ProviderWizardState.edit",
    "ProviderWizardState.look_around",
    "ProviderWizardState.open",
    "ProviderWizardState.submit",
    "ProviderWizardState.test",
    "RunBulkState.close_tags",
    "RunBulkState.open_tags",
    "RunBulkState.save_tags",
    "RunFeedState.resume",
    "RunFeedState.retry",
    "RunFeedState.stop",
    "RunQuestionState.answer",
    "RunStepsState.ask_fork",
    "RunStepsState.fork",
    "RunTagsState.add",
    "RunTagsState.remove",
    "SecretsState.ask_delete",
    "SecretsState.delete",
    "SecretsState.keep",
    "SecretsState.replace_value",
    "SecretsState.store",
    "SharingState.open_agent",
    "SharingState.open_collection",
    "SharingState.publish",
}
FOR_ADMINISTRATORS = {
    "AuditState.clear",
    "AuditState.turn",
    "AuditState.verify",
    "AuditState.want",
    "GroupsState.add_member",
    "GroupsState.ask_delete",
    "GroupsState.close",
    "GroupsState.create",
    "GroupsState.delete",
    "GroupsState.open",
    "GroupsState.open_form",
    "GroupsState.remove_member",
    "GroupsState.rename",
    "PeopleState.ask",
    "PeopleState.close",
    "PeopleState.confirm",
    "PeopleState.invite",
    "PeopleState.open_invite",
    "PeopleState.reactivate",
    "PeopleState.search",
    "PeopleState.set_role",
    "PeopleState.turn",
    "PermissionsState.open",
    "PermissionsState.save",
    "SystemState.ask",
    "SystemState.ask_to_prune",
    "SystemState.confirm",
    "SystemState.prune",
    "SystemState.refresh",
}
EVENTS = {f"{kind.__name__}.{name}": (kind, name) for kind, name in events()}
# Every role has it, so that there is somebody who has no other.
EVERYBODYS = Permission.VIEW_AGENT
NEEDING = {
    event
    for event, (kind, name) in EVENTS.items()
    if getattr(kind.event_handlers[name].fn, edge.ACCESS, edge.ANYBODY)
    not in {edge.ANYBODY, edge.SIGNED_IN, EVERYBODYS}
}
LACKING = [
    *((event, Role.VIEWER) for event in sorted(FOR_USERS)),
    *((event, Role.USER) for event in sorted(FOR_ADMINISTRATORS)),
]


@pytest.mark.parametrize(("event", "role"), LACKING)
async def test_event_is_refused_to_a_role_without_the_right(
    sign_in: SignIn, make_user: MakeUser, event: str, role: Role
) -> None:
    somebody: Actor = await make_user(role=role)

    answers = await _send(event, await sign_in(somebody))

    assert [REFUSAL in str(answer) for answer in answers] == [True], answers


def test_every_listed_event_needs_a_permission() -> None:
    assert NEEDING > FOR_USERS | FOR_ADMINISTRATORS


@pytest.mark.parametrize("store", sorted({one.partition(".")[0] for one in NEEDING}))
async def test_every_event_is_refused_to_somebody_who_lacks_its_permission(
    sign_in: SignIn, make_user: MakeUser, store: str
) -> None:
    somebody: Actor = await make_user(
        taken=[one for one in Permission if one is not EVERYBODYS]
    )
    cookie = await sign_in(somebody)
    asked = {event for event in NEEDING if event.partition(".")[0] == store}

    refused = {
        event
        for event in asked
        if any(REFUSAL in str(answer) for answer in await _send(event, cookie))
    }

    assert refused == asked


async def _send(event: str, cookie: str) -> list[Any]:
    """Return the answers to the event, after which the tab has what it had."""
    kind, name = EVENTS[event]
    state = make_state(kind, path="/runs", cookie=cookie)
    handler: Any = kind.event_handlers[name]
    parameters = list(inspect.signature(handler.fn).parameters)[1:]
    before = state.dict()
    result = handler.fn(state, *[None] * len(parameters))
    answers = (
        [answer async for answer in result]
        if inspect.isasyncgen(result)
        else [await result]
    )
    assert state.dict() == before
    return answers
