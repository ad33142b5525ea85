"""Every event that takes an agent, a collection, a provider or a part of one, sent by somebody with whom it is shared.

Made from the registry: a new event fails here until it is said which level it needs.
"""

from dataclasses import replace
from typing import Any

import pytest

from app.backend.agents.sharing import AGENTS
from app.backend.agents.tables import AgentRow
from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.identity import groups
from app.backend.identity import sharing as shares
from app.backend.identity.sharing_schemas import GroupDraft, Level, ShareDraft
from app.backend.knowledge.tables import CollectionRow
from app.backend.providers.tables import ProviderRow
from app.state import edge, sharing, tabs
from app.state.passage import PassageState
from app.state.sharing import SharingState
from tests.factories.rows import RowFactory
from tests.fakes.knowledge import FakeEmbedder
from tests.integration.state.conftest import SignIn
from tests.integration.state.test_isolation import CASES, Case, send
from tests.isolation import Kind, World, make_world, read_all
from tests.states import make_state

SHARED_KINDS = {
    Kind.AGENT,
    Kind.COLLECTION,
    Kind.DOCUMENT,
    Kind.PASSAGE,
    Kind.PROVIDER,
    Kind.MODEL,
    Kind.MIDDLEWARE,
}
# They show one's own runs, of whichever agent.
OF_RUNS = "RunListState."
NEEDED = {
    ("AgentEditorState.load_existing", Kind.AGENT): Level.EDIT,
    ("AgentEditorState.save", Kind.AGENT): Level.EDIT,
    ("AgentEditorState.save", Kind.COLLECTION): Level.VIEW,
    ("AgentListState.archive", Kind.AGENT): Level.EDIT,
    ("AgentListState.restore", Kind.AGENT): Level.EDIT,
    ("AgentListState.duplicate", Kind.AGENT): Level.VIEW,
    ("AgentListState.delete", Kind.AGENT): Level.OWN,
    ("AgentRunState.load", Kind.AGENT): Level.VIEW,
    ("AgentRunState.refresh", Kind.AGENT): Level.VIEW,
    ("AgentRunState.submit", Kind.AGENT): Level.RUN,
    ("AgentRunState.ask", Kind.AGENT): Level.RUN,
    ("ApiKeysState.create", Kind.AGENT): Level.RUN,
    ("BudgetsState.load_of_agent", Kind.AGENT): Level.OWN,
    ("BudgetsState.save", Kind.AGENT): Level.OWN,
    ("CollectionState.load", Kind.COLLECTION): Level.VIEW,
    ("CollectionState.refresh", Kind.COLLECTION): Level.VIEW,
    ("CollectionState.load_more", Kind.COLLECTION): Level.VIEW,
    ("CollectionState.retry", Kind.DOCUMENT): Level.EDIT,
    ("CollectionState.save", Kind.COLLECTION): Level.EDIT,
    ("CollectionState.delete", Kind.DOCUMENT): Level.EDIT,
    ("CollectionState.delete", Kind.COLLECTION): Level.OWN,
    ("DashboardState.ask", Kind.AGENT): Level.RUN,
    ("DocumentState.load", Kind.DOCUMENT): Level.VIEW,
    # Asked for in the address of one's own document, which it is not in.
    ("DocumentState.load", Kind.PASSAGE): Level.OWN,
    ("KnowledgeSearchState.find", Kind.COLLECTION): Level.VIEW,
    ("MiddlewareState.delete", Kind.MIDDLEWARE): Level.OWN,
    ("MiddlewareState.edit", Kind.MIDDLEWARE): Level.VIEW,
    ("MiddlewareState.open", Kind.MODEL): Level.VIEW,
    ("MiddlewareState.save", Kind.MIDDLEWARE): Level.OWN,
    ("MiddlewareState.save", Kind.MODEL): Level.OWN,
    ("MiddlewareState.switch", Kind.MIDDLEWARE): Level.OWN,
    ("ModelFormState.open", Kind.MODEL): Level.VIEW,
    ("ModelFormState.save", Kind.MODEL): Level.OWN,
    ("ModelListState.confirm", Kind.MODEL): Level.OWN,
    ("ModelListState.confirm", Kind.PROVIDER): Level.OWN,
    ("ModelListState.make_cheap", Kind.MODEL): Level.OWN,
    ("ModelListState.make_default", Kind.MODEL): Level.OWN,
    ("ModelListState.switch_model", Kind.MODEL): Level.OWN,
    ("ModelListState.switch_provider", Kind.PROVIDER): Level.OWN,
    ("ModelOffersState.add_named", Kind.PROVIDER): Level.OWN,
    ("ModelOffersState.open", Kind.PROVIDER): Level.OWN,
    ("ModelOffersState.pull", Kind.PROVIDER): Level.OWN,
    ("PassageState.load", Kind.PASSAGE): Level.VIEW,
    ("ProviderWizardState.edit", Kind.PROVIDER): Level.OWN,
    ("ProviderWizardState.submit", Kind.PROVIDER): Level.OWN,
    ("ProviderWizardState.test", Kind.PROVIDER): Level.OWN,
    ("SharingState.open_agent", Kind.AGENT): Level.OWN,
    ("SharingState.open_collection", Kind.COLLECTION): Level.OWN,
    ("SharingState.share", Kind.AGENT): Level.OWN,
    ("SharingState.share", Kind.COLLECTION): Level.OWN,
    ("SharingState.set_level", Kind.AGENT): Level.OWN,
    ("SharingState.set_level", Kind.COLLECTION): Level.OWN,
    ("SharingState.unshare", Kind.AGENT): Level.OWN,
    ("SharingState.unshare", Kind.COLLECTION): Level.OWN,
    ("SharingState.open_provider", Kind.PROVIDER): Level.OWN,
    ("SharingState.publish", Kind.AGENT): Level.OWN,
    ("SharingState.share", Kind.PROVIDER): Level.OWN,
    ("SharingState.set_level", Kind.PROVIDER): Level.OWN,
    ("SharingState.share_with_all", Kind.PROVIDER): Level.OWN,
    ("SharingState.unshare", Kind.PROVIDER): Level.OWN,
}
TAKING = [
    (event, case)
    for event, cases in CASES.items()
    for case in cases
    if case.kind in SHARED_KINDS and not event.startswith(OF_RUNS)
]


@pytest.fixture
def parts(services: Services) -> Services:
    """The parts of the stores, with an embedder that needs no runtime, and no open tab."""
    tabs.install(lambda _: False)
    made = replace(services, embedder=FakeEmbedder())
    edge.install(made)
    return made


async def _share(services: Services, world: World, other: Actor, level: Level) -> None:
    rows = RowFactory(services.db)
    async with services.db.read() as session:
        agent = await session.get(AgentRow, world[Kind.AGENT][0])
        collection = await session.get(CollectionRow, world[Kind.COLLECTION][0])
        provider = await session.get(ProviderRow, world[Kind.PROVIDER][0])
    for shared in (agent, collection, provider):
        assert shared is not None
        await rows.share(shared, other, level)


def _without_refusals(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out the audit, which tells who was refused."""
    return {name: rows for name, rows in found.items() if not name.startswith("audit")}


def test_every_shared_event_says_which_level_it_needs() -> None:
    assert {(event, case.kind) for event, case in TAKING} == NEEDED.keys()


@pytest.mark.parametrize("level", [Level.VIEW, Level.RUN, Level.EDIT])
@pytest.mark.parametrize(
    ("event", "case"), TAKING, ids=[f"{event}-{case.kind}" for event, case in TAKING]
)
async def test_a_share_opens_what_its_level_allows_and_nothing_else(
    parts: Services,
    sign_in: SignIn,
    actor: Actor,
    other_actor: Actor,
    event: str,
    case: Case,
    level: Level,
) -> None:
    cookie = await sign_in(actor)
    edge.install(parts)
    world = await make_world(parts, other_actor)
    own = await make_world(parts, actor)
    await _share(parts, world, actor, level)
    absent = await send(event, case, ids.new_id(), cookie, own)
    before = _without_refusals(await read_all(parts))

    answers = [
        await send(event, case, wanted, cookie, own) for wanted in world[case.kind]
    ]

    if level.covers(NEEDED[event, case.kind]):
        assert set(answers) - {absent}
    else:
        assert _without_refusals(await read_all(parts)) == before


async def test_passage_of_a_document_that_is_not_shared_stays_as_the_answer_has_it(
    parts: Services, sign_in: SignIn, actor: Actor, other_actor: Actor
) -> None:
    cookie = await sign_in(actor)
    edge.install(parts)
    world = await make_world(parts, other_actor)
    held = {"chunk_id": str(world[Kind.PASSAGE][0]), "name": "cited.md"}
    state = make_state(PassageState, cookie=cookie, is_loading=True, **held)

    answer = await PassageState.load.fn(state)

    assert answer is None
    assert (state.is_alone, state.is_loading, state.name) == (True, False, "cited.md")


async def test_level_of_a_group_that_is_not_listed_and_named_like_a_person_changes(
    services: Services,
    cookie: str,
    actor: Actor,
    other_actor: Actor,
    rows: RowFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The newest group comes first, so the one with the address is beyond the page.
    monkeypatch.setattr(sharing, "PAGE_SIZE_MAX", 1)
    agent = await rows.agent(actor)
    await rows.share(agent, other_actor, "view")
    async with services.db.transaction() as session:
        named = await groups.create_group(
            session, actor, draft=GroupDraft(name=other_actor.email)
        )
        await groups.create_group(session, actor, draft=GroupDraft(name="newest"))
        await shares.share(
            session,
            actor,
            AGENTS,
            object_id=agent.id,
            draft=ShareDraft(group_id=named.id, level=Level.VIEW),
        )
    state = make_state(SharingState, cookie=cookie)
    await SharingState.open_agent.fn(state, str(agent.id), agent.name, False)
    group = next(row for row in state.rows if row.group_id)

    await SharingState.set_level.fn(state, group.id, "run")

    assert {(row.group_id, row.level) for row in state.rows} == {
        ("", "view"),
        (str(named.id), "run"),
    }
