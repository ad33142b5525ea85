"""Collections and documents as the pages show and change them."""

from app import routes
from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.knowledge import service as knowledge
from app.backend.knowledge import uploads
from app.state.collection import CollectionState
from app.state.collection_list import CollectionListState
from app.state.document import DocumentState
from tests.factories.rows import MakeCollection
from tests.isolation import Kind, make_world
from tests.states import make_state


async def test_create_makes_a_collection_and_goes_there(
    cookie: str, actor: Actor, services: Services
) -> None:
    state = make_state(CollectionListState, path="/knowledge", cookie=cookie)

    # A field that is not on the page comes as nothing.
    form = {"name": "Pottery", "description": "The kiln", "embedding_model": None}
    answer = await CollectionListState.create.fn(state, form)

    async with services.db.read() as session:
        (made,) = (await knowledge.list_collections(session, actor)).items
    assert (made.name, made.description) == ("Pottery", "The kiln")
    assert f"/knowledge/{made.id}" in str(answer)


async def test_create_without_a_name_says_so(cookie: str) -> None:
    state = make_state(CollectionListState, path="/knowledge", cookie=cookie)

    await CollectionListState.create.fn(state, {"name": ""})

    assert state.errors == {"name": "Fill this in."}


async def test_load_shows_a_document_on_its_way(
    cookie: str, actor: Actor, services: Services, make_collection: MakeCollection
) -> None:
    collection = await make_collection(actor, name="Pottery")
    await uploads.upload_document(
        services,
        actor,
        collection_id=collection.id,
        name="kiln.md",
        body=b"# Kiln\n\nIt fires at 1240 degrees.",
    )
    state = make_state(
        CollectionState, path=f"/knowledge/{collection.id}", cookie=cookie
    )

    await CollectionState.load.fn(state)

    (row,) = state.rows
    assert (row.name, row.status, row.stage) == ("kiln.md", "uploaded", 1)
    assert state.is_busy
    assert state.shown.name == "Pottery"


async def test_delete_takes_the_document_away(
    cookie: str, actor: Actor, services: Services, make_collection: MakeCollection
) -> None:
    collection = await make_collection(actor)
    document = await uploads.upload_document(
        services, actor, collection_id=collection.id, name="a.txt", body=b"Some words."
    )
    state = make_state(
        CollectionState, path=f"/knowledge/{collection.id}", cookie=cookie
    )
    await CollectionState.load.fn(state)

    await CollectionState.ask_delete.fn(state, str(document.id), "a.txt")
    await CollectionState.delete.fn(state)

    assert (state.rows, state.doomed) == ([], "")


async def test_delete_takes_the_collection_away(
    cookie: str, actor: Actor, services: Services, make_collection: MakeCollection
) -> None:
    collection = await make_collection(actor)
    state = make_state(
        CollectionState, path=f"/knowledge/{collection.id}", cookie=cookie
    )
    await CollectionState.load.fn(state)

    await CollectionState.ask_delete.fn(state, "", "Pottery")
    answer = await CollectionState.delete.fn(state)

    async with services.db.read() as session:
        assert (await knowledge.list_collections(session, actor)).items == []
    assert "/knowledge" in str(answer)


async def test_save_renames_the_collection(
    cookie: str, actor: Actor, make_collection: MakeCollection
) -> None:
    collection = await make_collection(actor, name="Before")
    state = make_state(
        CollectionState, path=f"/knowledge/{collection.id}", cookie=cookie
    )
    await CollectionState.load.fn(state)

    await CollectionState.save.fn(state, {"name": "After", "description": ""})

    assert (state.shown.name, state.is_editing) == ("After", False)


async def test_document_without_passages_is_shown_as_not_ready(
    cookie: str, actor: Actor, services: Services, make_collection: MakeCollection
) -> None:
    collection = await make_collection(actor)
    document = await uploads.upload_document(
        services, actor, collection_id=collection.id, name="a.txt", body=b"Some words."
    )
    state = make_state(DocumentState, path=f"/documents/{document.id}", cookie=cookie)

    await DocumentState.load.fn(state)

    assert (state.shown.name, state.passage, state.is_loading) == ("a.txt", [], False)


async def test_document_of_somebody_else_is_missing(
    cookie: str,
    other_actor: Actor,
    services: Services,
    make_collection: MakeCollection,
) -> None:
    collection = await make_collection(other_actor)
    document = await uploads.upload_document(
        services,
        other_actor,
        collection_id=collection.id,
        name="a.txt",
        body=b"Some words.",
    )
    state = make_state(DocumentState, path=f"/documents/{document.id}", cookie=cookie)

    await DocumentState.load.fn(state)

    assert (state.is_missing, state.is_loading, state.shown.name) == (True, False, "")


async def test_collection_of_no_such_id_is_missing(cookie: str) -> None:
    state = make_state(CollectionState, path="/knowledge/nonsense", cookie=cookie)

    await CollectionState.load.fn(state)

    assert state.is_missing


async def test_document_is_there_again_after_one_that_is_missing(
    cookie: str, actor: Actor, services: Services
) -> None:
    world = await make_world(services, actor)
    path = routes.document_path(world[Kind.DOCUMENT][0], world[Kind.PASSAGE][0])
    state = make_state(DocumentState, path=path, cookie=cookie)
    state.is_missing = True

    await DocumentState.load.fn(state)

    assert (state.is_missing, state.is_loading, state.lacks_passage) == (False,) * 3


async def test_passage_of_another_document_gives_way_to_the_first(
    cookie: str, actor: Actor, services: Services
) -> None:
    one, other = [await make_world(services, actor) for _ in range(2)]
    path = routes.document_path(one[Kind.DOCUMENT][0], other[Kind.PASSAGE][0])
    state = make_state(DocumentState, path=path, cookie=cookie)

    await DocumentState.load.fn(state)

    assert state.lacks_passage


async def test_passage_that_is_gone_gives_way_to_the_first(
    cookie: str, actor: Actor, services: Services
) -> None:
    world = await make_world(services, actor)
    path = routes.document_path(world[Kind.DOCUMENT][0], ids.new_id())
    state = make_state(DocumentState, path=path, cookie=cookie)

    await DocumentState.load.fn(state)

    assert state.lacks_passage
    assert state.place == "1 of 1"
    assert [piece.text for piece in state.passage]
