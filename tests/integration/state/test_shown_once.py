"""What a page shows this once, as the state of its tab is stored."""

import pickle
from typing import Any

import pytest
import reflex as rx

from app.backend.bootstrap import Services
from app.state import edge
from app.state.api_keys import ApiKeysState
from app.state.people import PeopleState
from app.state.second_factor import SecondFactorState
from tests.states import make_state

CODES = ["one code-of-ten", "another code-of-ten"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (SecondFactorState, {"secret": "the app's seed", "qr": "data:its picture"}),
        (SecondFactorState, {"codes": CODES}),
        (ApiKeysState, {"fresh_key": "ak_a new key"}),
        (PeopleState, {"link": "https://here/choose-password?token=one"}),
    ],
    ids=["secret", "codes", "key", "link"],
)
async def test_stored_state_does_not_say_what_is_shown_once(
    services: Services, kind: type[rx.State], values: dict[str, Any]
) -> None:
    edge.install(services)
    state = make_state(kind, **values)
    state.dict()

    stored = pickle.dumps(state)
    found = pickle.loads(stored)

    for name, value in values.items():
        for text in [value] if isinstance(value, str) else value:
            assert text.encode() not in stored
        assert getattr(found, name) == value
        assert getattr(state, name) == value


async def test_stored_state_of_another_key_shows_nothing_any_more(
    services: Services,
) -> None:
    edge.install(services)
    state = make_state(SecondFactorState, codes=CODES, is_on=True)
    fields = {**state.__getstate__(), "sealed": "made up"}

    found = make_state(SecondFactorState)
    found.__setstate__(fields)

    assert (found.codes, found.is_on) == ([], True)
