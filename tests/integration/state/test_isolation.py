"""Every event of every store, sent with an id of somebody else: it looks like an id of nothing, and changes nothing.

Made from the registry: a new event fails here until it is said which ids it takes, or that it takes none.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import reflex as rx

from app import routes
from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.runs.schemas import BulkAction
from app.state import edge, tabs
from app.state.agent_detail import AgentDetail
from app.state.lines import NO_COLLECTION
from app.state.middleware import MiddlewareTile, MiddlewareValues
from app.state.model_form import ModelValues
from app.state.note_list import OpenNote
from app.state.provider_form import TypeTile
from app.state.run_list import RunWish
from app.state.sharing import ShareLine
from app.state.step_lines import StepLine
from app.surface import events
from tests.fakes.knowledge import FakeEmbedder
from tests.integration.state.conftest import SignIn
from tests.integration.state.without_id import WITHOUT_ID
from tests.isolation import Kind, World, make_world, read_all, without_ids
from tests.states import make_state

Own = Callable[[Kind], str]


@dataclass(frozen=True)
class Sent:
    """What a tab holds and sends: the address it shows, its vars, the arguments of the event."""

    path: str = "/"
    held: dict[str, Any] | None = None
    given: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Case:
    """An event that takes an id of `kind`; `send(wanted, own)` says where it stands."""

    kind: Kind
    send: Callable[[str, Own], Sent]


_BUDGET = {"amount": "1", "unit": "usd", "period": "day", "policy": "stop"}


def _given(kind: Kind, *more: Any) -> Case:
    return Case(kind, lambda wanted, _: Sent(given=(wanted, *more)))


def _held(kind: Kind, name: str, *given: Any) -> Case:
    return Case(kind, lambda wanted, _: Sent(held={name: wanted}, given=given))


def _in_path(kind: Kind, path: Callable[[str], str], *given: Any, **held: Any) -> Case:
    return Case(kind, lambda wanted, _: Sent(path=path(wanted), held=held, given=given))


def _question(*given: Any) -> list[Case]:
    def to_agent(wanted: str, _: Own) -> Sent:
        held = {"agent": AgentDetail(id=wanted)}
        return Sent(routes.agent_path(wanted), held, given)

    def in_thread(wanted: str, own: Own) -> Sent:
        return Sent(routes.agent_path(own(Kind.AGENT)), {"thread_id": wanted}, given)

    return [Case(Kind.AGENT, to_agent), Case(Kind.THREAD, in_thread)]


def _doomed(doomed: str, shown: str) -> dict[str, Any]:
    return {"doomed": doomed, "shown": NO_COLLECTION.model_copy(update={"id": shown})}


def _to_runs(action: BulkAction, wanted: str, _: Own) -> Sent:
    return Sent(held={"run_ids": [wanted], "action": action.value})


def _of_agent(wanted: str, _: Own, *, given: tuple[Any, ...] = ()) -> Sent:
    return Sent(held={"wish": RunWish(agent=wanted)}, given=given)


SHAREABLE_KINDS = (Kind.AGENT, Kind.COLLECTION, Kind.PROVIDER)


def _shared(*given: Any) -> list[Case]:
    row = ShareLine(id=_REQUEST, name="nobody@example.org", group_id="", level="view")

    def send(kind: Kind, wanted: str, _: Own) -> Sent:
        held = {"kind": kind.value, "object_id": wanted, "rows": [row]}
        return Sent(held=held, given=given)

    return [Case(kind, partial(send, kind)) for kind in SHAREABLE_KINDS]


_REQUEST = str(ids.new_id())
_FORM = {"name": "x", "model": "scripted/hello"}
_STEP = StepLine(step=0, name="input", next="retrieve", at="", can_fork=True)
_COLLECTION = _in_path(Kind.COLLECTION, routes.collection_path)
CASES: dict[str, list[Case]] = {
    "AgentEditorState.load_existing": [_in_path(Kind.AGENT, routes.agent_edit_path)],
    "AgentEditorState.save": [
        _held(Kind.AGENT, "editing_id", _FORM),
        Case(
            Kind.COLLECTION,
            lambda wanted, _: Sent(given=({**_FORM, f"collection:{wanted}": "on"},)),
        ),
    ],
    "AgentListState.archive": [_given(Kind.AGENT)],
    "AgentListState.restore": [_given(Kind.AGENT)],
    "AgentListState.duplicate": [_given(Kind.AGENT)],
    "AgentListState.delete": [_held(Kind.AGENT, "doomed_id")],
    "AgentRunState.load": [
        _in_path(Kind.AGENT, routes.agent_path),
        Case(
            Kind.RUN,
            lambda wanted, own: Sent(
                f"{routes.agent_path(own(Kind.AGENT))}?run={wanted}"
            ),
        ),
    ],
    "AgentRunState.refresh": _question()[:1],
    "AgentRunState.submit": _question({"query": "What?", "request_id": _REQUEST}),
    "RunTagsState.add": [
        Case(
            Kind.RUN,
            lambda wanted, _: Sent(given=({"run_id": wanted, "tags": "x"},)),
        )
    ],
    "RunTagsState.remove": [_given(Kind.RUN, "x")],
    "AgentRunState.ask": _question("What?", _REQUEST),
    "BudgetsState.delete": [_held(Kind.BUDGET, "doomed_id")],
    "BudgetsState.edit": [_given(Kind.BUDGET)],
    "BudgetsState.load_of_agent": [_in_path(Kind.AGENT, routes.agent_path)],
    "BudgetsState.save": [
        _held(Kind.BUDGET, "editing_id", _BUDGET),
        Case(
            Kind.AGENT,
            lambda wanted, _: Sent(given=({**_BUDGET, "subject": f"agent:{wanted}"},)),
        ),
    ],
    "ApiKeysState.revoke": [_held(Kind.KEY, "doomed_key")],
    "ApiKeysState.rotate": [_held(Kind.KEY, "rotated_key", {"grace_hours": "1"})],
    "ApiKeysState.create": [
        Case(
            Kind.AGENT,
            lambda wanted, _: Sent(given=({"name": "x", f"agent:{wanted}": "on"},)),
        )
    ],
    "CollectionState.load": [_COLLECTION],
    "CollectionState.refresh": [_COLLECTION],
    "CollectionState.load_more": [_COLLECTION],
    "CollectionState.retry": [_given(Kind.DOCUMENT)],
    "CollectionState.save": [
        Case(
            Kind.COLLECTION,
            lambda wanted, _: Sent(held=_doomed("", wanted), given=({"name": "x"},)),
        )
    ],
    "CollectionState.delete": [
        Case(Kind.DOCUMENT, lambda wanted, _: Sent(held=_doomed(wanted, ""))),
        Case(Kind.COLLECTION, lambda wanted, _: Sent(held=_doomed(wanted, wanted))),
    ],
    "DashboardState.ask": [_given(Kind.AGENT, "What?")],
    "DocumentState.load": [
        _in_path(Kind.DOCUMENT, routes.document_path),
        Case(
            Kind.PASSAGE,
            lambda wanted, own: Sent(
                f"{routes.document_path(own(Kind.DOCUMENT))}?chunk={wanted}"
            ),
        ),
    ],
    "KnowledgeSearchState.find": [
        _in_path(Kind.COLLECTION, routes.collection_path, query="What?")
    ],
    "LinkedLoginsState.unlink": [_given(Kind.LINKED_LOGIN)],
    "NoteListState.open": [_given(Kind.NOTE)],
    "NoteListState.save": [
        Case(
            Kind.NOTE,
            lambda wanted, _: Sent(
                held={"opened": OpenNote(id=wanted)}, given=({"text": "x"},)
            ),
        )
    ],
    "NoteListState.delete": [
        Case(Kind.NOTE, lambda wanted, _: Sent(held={"opened": OpenNote(id=wanted)}))
    ],
    "ModelFormState.open": [_given(Kind.MODEL)],
    "ModelFormState.save": [
        Case(
            Kind.MODEL,
            lambda wanted, _: Sent(
                held={"values": ModelValues(id=wanted)},
                given=({"kind": "chat", "environment": "LAB"},),
            ),
        )
    ],
    "ModelListState.confirm": [
        Case(
            Kind.MODEL,
            lambda wanted, _: Sent(held={"asked": "model", "target": wanted}),
        ),
        Case(
            Kind.PROVIDER,
            lambda wanted, _: Sent(held={"asked": "provider", "target": wanted}),
        ),
    ],
    "ModelListState.make_cheap": [_given(Kind.MODEL, False)],
    "ModelListState.make_default": [_given(Kind.MODEL)],
    "ModelListState.switch_model": [_given(Kind.MODEL, False)],
    "ModelListState.switch_provider": [_given(Kind.PROVIDER, False)],
    "MiddlewareState.delete": [_held(Kind.MIDDLEWARE, "doomed")],
    "MiddlewareState.edit": [_given(Kind.MIDDLEWARE)],
    "MiddlewareState.open": [
        Case(Kind.MODEL, lambda wanted, _: Sent(given=("priced/hello", wanted)))
    ],
    "MiddlewareState.save": [
        Case(
            Kind.MIDDLEWARE,
            lambda wanted, _: Sent(
                held={
                    "values": MiddlewareValues(id=wanted),
                    "chosen": MiddlewareTile(key="validation"),
                },
                given=({},),
            ),
        ),
        Case(
            Kind.MODEL,
            lambda wanted, _: Sent(
                held={
                    "_model_id": wanted,
                    "chosen": MiddlewareTile(key="validation"),
                },
                given=({},),
            ),
        ),
    ],
    "MiddlewareState.switch": [_given(Kind.MIDDLEWARE, False)],
    "ModelOffersState.add_named": [
        Case(
            Kind.PROVIDER,
            lambda wanted, _: Sent(
                held={"provider_id": wanted, "_type": "scripted"},
                given=({"model_name": "echo"},),
            ),
        )
    ],
    "ModelOffersState.open": [_given(Kind.PROVIDER)],
    "ModelOffersState.pull": [_held(Kind.PROVIDER, "provider_id", {"pulled": "x"})],
    "ProviderWizardState.edit": [_given(Kind.PROVIDER)],
    "ProviderWizardState.submit": [
        Case(
            Kind.PROVIDER,
            lambda wanted, _: Sent(
                held={
                    "editing_id": wanted,
                    "name": "own",
                    "chosen": TypeTile(key="scripted"),
                },
                given=({"skip_test": "on"},),
            ),
        )
    ],
    "ProviderWizardState.test": [_given(Kind.PROVIDER)],
    "PassageState.load": [_held(Kind.PASSAGE, "chunk_id")],
    "RunFeedState.follow": [_given(Kind.RUN)],
    "RunFeedState.keep_up": [_given(Kind.RUN)],
    "RunFeedState.stop": [_held(Kind.RUN, "current_run_id")],
    "RunFeedState.resume": [_held(Kind.RUN, "current_run_id")],
    "RunFeedState.retry": [_held(Kind.RUN, "current_run_id")],
    "RunBulkState.act": [
        Case(Kind.RUN, partial(_to_runs, action)) for action in BulkAction
    ],
    "RunBelowState.refresh": [_given(Kind.RUN)],
    "RunBulkState.open_tags": [_given(Kind.RUN)],
    "RunBulkState.save_tags": [_held(Kind.RUN, "tagged_id", {"tags": "x"})],
    "RunListState.load": [
        Case(Kind.AGENT, lambda wanted, _: Sent(f"/runs?agent={wanted}"))
    ],
    "RunListState.load_more": [Case(Kind.AGENT, _of_agent)],
    "RunListState.only_tag": [Case(Kind.AGENT, partial(_of_agent, given=("",)))],
    "RunListState.refresh": [Case(Kind.AGENT, _of_agent)],
    "RunListState.want": [
        Case(Kind.AGENT, lambda wanted, _: Sent(given=("agent", wanted)))
    ],
    "RunPageState.load": [_in_path(Kind.RUN, routes.run_path)],
    "RunPageState.refresh": [_in_path(Kind.RUN, routes.run_path)],
    "RunQuestionState.answer": [
        Case(
            Kind.RUN,
            lambda wanted, _: Sent(given=({"run_id": wanted, "choice": "yes"},)),
        )
    ],
    "RunStepsState.load": [_in_path(Kind.RUN, routes.run_path)],
    "RunStepsState.open": [_held(Kind.RUN, "_run_id", 0)],
    "RunStepsState.ask_fork": [_held(Kind.RUN, "_run_id", 0)],
    "RunStepsState.fork": [
        Case(
            Kind.RUN,
            lambda wanted, _: Sent(
                held={"_run_id": wanted, "_request_id": _REQUEST, "forked": _STEP},
                given=({"query": "What?"},),
            ),
        )
    ],
    "SettingsState.end_login": [_given(Kind.LOGIN)],
    "SharingState.open_agent": [_given(Kind.AGENT, "x", False)],
    "SharingState.open_collection": [_given(Kind.COLLECTION, "x")],
    "SharingState.share": _shared({"email": "nobody@example.org", "level": "view"}),
    "SharingState.set_level": _shared(_REQUEST, "view"),
    "SharingState.unshare": [
        *_shared(_REQUEST),
        Case(
            Kind.SHARE,
            lambda wanted, own: Sent(
                held={"kind": "agent", "object_id": own(Kind.AGENT)}, given=(wanted,)
            ),
        ),
    ],
    "SharingState.open_provider": [_given(Kind.PROVIDER, "x", False)],
    "SharingState.share_with_all": [_held(Kind.PROVIDER, "object_id", True)],
    "SharingState.publish": [_held(Kind.AGENT, "object_id", True)],
}
EVENTS = {f"{kind.__name__}.{name}": (kind, name) for kind, name in events()}
TAKING = [(event, case) for event, cases in CASES.items() for case in cases]
NAMED = pytest.mark.parametrize(
    ("event", "case"), TAKING, ids=[f"{event}-{case.kind}" for event, case in TAKING]
)


@pytest.fixture
def parts(services: Services) -> Services:
    """The parts of the stores, with an embedder that needs no runtime, and no open tab."""
    tabs.install(lambda _: False)
    return replace(services, embedder=FakeEmbedder())


async def send(
    event: str, case: Case, wanted: UUID, cookie: str, own: World
) -> tuple[str, str]:
    """Return the answer to the event, and all that its tab has then."""
    kind, name = EVENTS[event]
    sent = case.send(str(wanted), lambda kind: str(own[kind][0]))
    state = make_state(kind, path=sent.path, cookie=cookie, **(sent.held or {}))
    handler: Any = kind.event_handlers[name]
    result = handler.fn(state, *sent.given)
    answers = (
        [answer async for answer in result]
        if inspect.isasyncgen(result)
        else [await result]
    )
    return without_ids(repr(answers)), without_ids(repr(_root(state).dict()))


def _root(state: rx.State) -> rx.State:
    while state.parent_state is not None:
        state = state.parent_state  # pyright: ignore[reportAssignmentType] - all states of a tab are ours
    return state


def test_every_event_says_which_ids_it_takes() -> None:
    assert EVENTS.keys() == CASES.keys() | WITHOUT_ID
    assert not CASES.keys() & WITHOUT_ID


@NAMED
async def test_foreign_and_absent_look_the_same_to_every_event(
    parts: Services,
    sign_in: SignIn,
    actor: Actor,
    other_actor: Actor,
    event: str,
    case: Case,
) -> None:
    cookie = await sign_in(actor)
    edge.install(parts)
    foreign = await make_world(parts, other_actor)
    own = await make_world(parts, actor)
    before = await read_all(parts)
    absent = await send(event, case, ids.new_id(), cookie, own)

    answers = [
        await send(event, case, wanted, cookie, own) for wanted in foreign[case.kind]
    ]

    assert set(answers) == {absent}
    assert await read_all(parts) == before
    mine = [await send(event, case, wanted, cookie, own) for wanted in own[case.kind]]
    assert set(mine) - {absent}, "It asks for nothing, so it proves nothing."
