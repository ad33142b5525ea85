"""The real parts and their fakes do the same."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from app.backend.bootstrap import Services
from app.backend.core.errors import ServiceUnavailable
from app.backend.knowledge.embeddings import (
    Embedder,
    RuntimeEmbedder,
    decode_vector,
    encode_vector,
)
from app.backend.knowledge.index import ChromaIndex, VectorIndex
from app.backend.knowledge.local_embedders import OnnxEmbedder
from tests.fakes.knowledge import FakeEmbedder, FakeIndex
from tests.parts import free_port


@pytest.fixture(params=["chroma", "fake"])
def index(request: pytest.FixtureRequest, services: Services) -> VectorIndex:
    return services.index if request.param == "chroma" else FakeIndex()


@pytest.fixture(params=["onnx", "fake"])
def embedder(request: pytest.FixtureRequest, onnx: OnnxEmbedder) -> Embedder:
    return onnx if request.param == "onnx" else FakeEmbedder()


async def test_embedder_like_texts_have_near_unit_vectors(embedder: Embedder) -> None:
    one, same, other = await embedder.embed(
        ["Reset the water pump.", "Reset the water pump now.", "Bananas are yellow."]
    )

    assert sum(value * value for value in one) == pytest.approx(1, abs=1e-3)
    near = sum(a * b for a, b in zip(one, same, strict=True))
    far = sum(a * b for a, b in zip(one, other, strict=True))
    assert near > 0.8 > far


async def test_embedder_gives_a_text_one_vector_whatever_is_with_it(
    onnx: OnnxEmbedder,
) -> None:
    texts = [f"{'word ' * (40 - number)}{number}" for number in range(40)]

    vectors = await onnx.embed(texts)

    (alone,) = await onnx.embed([texts[7]])
    scores = [sum(a * b for a, b in zip(alone, each, strict=True)) for each in vectors]
    assert scores.index(max(scores)) == 7
    assert vectors[7] == alone


async def test_index_query_returns_nearest_first(index: VectorIndex) -> None:
    collection, document = uuid4(), uuid4()
    ids = [uuid4() for _ in range(3)]
    await index.upsert(collection, document, ids, [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])

    hits = await index.query(collection, [1.0, 0.0], limit=2)

    assert [hit.chunk_id for hit in hits] == ids[:2]
    assert [hit.score for hit in hits] == pytest.approx([1.0, 0.6], abs=1e-4)


async def test_index_upsert_twice_does_not_double(index: VectorIndex) -> None:
    collection, chunk = uuid4(), uuid4()

    for _ in range(2):
        await index.upsert(collection, uuid4(), [chunk], [[1.0, 0.0]])

    assert await index.count(collection) == 1


async def test_index_find_vectors_of_given_chunks(index: VectorIndex) -> None:
    collection, chunk, other = uuid4(), uuid4(), uuid4()
    await index.upsert(collection, uuid4(), [other, chunk], [[1.0, 0.0], [0.6, 0.8]])

    found = await index.find_vectors(collection, [chunk, uuid4()])

    assert list(found) == [chunk]
    assert found[chunk] == pytest.approx([0.6, 0.8], abs=1e-4)


async def test_index_delete_document_leaves_the_others(index: VectorIndex) -> None:
    collection, kept, gone = uuid4(), uuid4(), uuid4()
    await index.upsert(collection, kept, [uuid4()], [[1.0, 0.0]])
    await index.upsert(collection, gone, [uuid4()], [[0.0, 1.0]])

    await index.delete_document(collection, gone)

    assert await index.count(collection) == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda index, id_: index.query(id_, [1.0], limit=3),
        lambda index, id_: index.find_vectors(id_, [uuid4()]),
        lambda index, id_: index.delete_collection(id_),
        lambda index, id_: index.delete_document(id_, uuid4()),
    ],
    ids=["query", "find_vectors", "delete_collection", "delete_document"],
)
async def test_index_without_the_collection_is_empty(
    index: VectorIndex, use: Callable[..., Awaitable[object]]
) -> None:
    assert not await use(index, uuid4())


async def test_index_replaced_by_another_server_is_found_again(
    services: Services,
) -> None:
    collection = uuid4()
    first, second = services.index, ChromaIndex(services.settings.chroma_url)
    await first.upsert(collection, uuid4(), [uuid4()], [[1.0, 0.0]])
    await second.delete_collection(collection)

    assert await first.query(collection, [1.0, 0.0], limit=1) == []
    await first.upsert(collection, uuid4(), [uuid4()], [[1.0, 0.0]])
    assert await second.count(collection) == 1


async def test_index_removed_by_another_process_is_made_anew(
    services: Services,
) -> None:
    collection = uuid4()
    first, second = services.index, ChromaIndex(services.settings.chroma_url)
    await first.upsert(collection, uuid4(), [uuid4()], [[1.0, 0.0]])
    await second.delete_collection(collection)

    await first.upsert(collection, uuid4(), [uuid4()], [[1.0, 0.0]])

    assert await second.count(collection) == 1


async def test_index_unreachable_says_what_to_do() -> None:
    index = ChromaIndex(f"http://127.0.0.1:{free_port()}")

    with pytest.raises(ServiceUnavailable, match="atelier doctor"):
        await index.query(uuid4(), [1.0], limit=1)


async def test_runtime_embedder_unreachable_says_what_to_do() -> None:
    embedder = RuntimeEmbedder(
        url=f"http://127.0.0.1:{free_port()}", token="t", name="minilm-int8"
    )

    with pytest.raises(ServiceUnavailable, match="atelier doctor"):
        await embedder.embed(["text"])
    await embedder.close()


def test_vector_as_base64_comes_back() -> None:
    assert decode_vector(encode_vector([0.5, -0.25])) == [0.5, -0.25]
