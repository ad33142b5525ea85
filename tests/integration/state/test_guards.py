"""Every event of every store, sent by a browser that is not signed in: nothing changes, nothing is shown.

Made from the registry, so that a new event without a guard fails here.
"""

import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest
import reflex as rx

from app.backend.bootstrap import Services
from app.state import edge
from app.surface import events
from tests.states import make_state

# What somebody who is not signed in may do: read the address of the login page, close notices and panels, leave a page, say that it broke.
PUBLIC = {
    "AgentEditorState.leave",
    "AgentListState.leave",
    "ApiKeysState.leave",
    "BudgetsState.leave",
    "CollectionListState.leave",
    "CollectionState.leave",
    "DocumentState.leave",
    "GroupsState.leave",
    "KnowledgeSearchState.leave",
    "LocalFilesState.close",
    "LocalFilesState.load",
    "LoginState.load",
    "LoginWaysState.load",
    "MiddlewareState.leave",
    "ModelFormState.leave",
    "ModelListState.leave",
    "ModelOffersState.leave",
    "PlaygroundState.leave",
    "NoteListState.leave",
    "NoticesState.show",
    "NoticesState.dismiss",
    "NoticesState.undo",
    "PageErrorState.report",
    "PassageState.close",
    "PeopleState.leave",
    "PermissionsState.close",
    "PersonLimitsState.close",
    "ProviderWizardState.leave",
    "RunBulkState.leave",
    "RunFeedState.leave",
    "RunStepsState.keep",
    "RunStepsState.leave",
    "SecretsState.leave",
    "SecondFactorState.leave",
    "SettingsState.leave",
    "SharingState.close",
    "SignUpState.load",
    "SystemState.leave",
    "TiersState.leave",
}
EVENTS = [
    (kind, name) for kind, name in events() if f"{kind.__name__}.{name}" not in PUBLIC
]


@pytest.mark.parametrize(
    ("kind", "name"), EVENTS, ids=[f"{kind.__name__}.{name}" for kind, name in EVENTS]
)
async def test_event_without_login_leads_to_the_login_page(
    services: Services, kind: type[rx.State], name: str
) -> None:
    edge.install(services)
    state = make_state(kind, path="/runs")
    handler: Any = kind.event_handlers[name]
    parameters = list(inspect.signature(handler.fn).parameters)[1:]
    before = state.dict()

    answers = [
        answer
        async for answer in _answers(handler.fn(state, *[None] * len(parameters)))
    ]

    assert ["/login" in str(answer) for answer in answers] == [True]
    assert state.dict() == before


def test_public_events_exist() -> None:
    known = {f"{kind.__name__}.{name}" for kind, name in events()}

    assert known >= PUBLIC, "Take what is gone off the list of public events."


async def _answers(result: Any) -> AsyncIterator[Any]:
    if inspect.isasyncgen(result):
        async for answer in result:
            yield answer
    else:
        yield await result
