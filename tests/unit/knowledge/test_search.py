from uuid import uuid4

from app.backend.knowledge.index import Hit
from app.backend.knowledge.search import fuse, merge


def test_fuse_prefers_what_both_legs_found() -> None:
    one, two, three = uuid4(), uuid4(), uuid4()

    ranked = fuse([[Hit(one, 0.9), Hit(two, 0.8)], [Hit(three, 9.0), Hit(two, 8.0)]])

    assert ranked[0] == two
    assert set(ranked) == {one, two, three}


def test_fuse_of_nothing_is_nothing() -> None:
    assert fuse([[], []]) == []


def test_merge_orders_hits_of_several_collections() -> None:
    far, near = Hit(uuid4(), 0.2), Hit(uuid4(), 0.7)

    assert merge([[far], [near]]) == [near, far]
