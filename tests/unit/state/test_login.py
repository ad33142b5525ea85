"""What the login page says: only words of ours, whatever its address holds."""

import pytest

from app.state.login import LoginState
from tests.states import make_state


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", ""),
        ("WRONG_LOGIN", "The e-mail address or the password is wrong."),
        ("LINK_INVALID", "This link is not valid"),
        ("PASSWORD_LINK_INVALID", "This link is not valid"),
        ("TOO_MANY_REQUESTS", "Too many tries to sign in"),
        ("Call+1-555-0100+now", "That did not work."),
    ],
)
async def test_error_is_a_fixed_text(code: str, words: str) -> None:
    state = make_state(LoginState, path=f"/login?error={code}")

    await LoginState.load.fn(state)

    assert bool(state.error) == bool(code)
    assert state.error.startswith(words)


async def test_second_load_shows_the_same() -> None:
    state = make_state(LoginState, path="/login?error=WRONG_LOGIN&email=a%40b.c")
    await LoginState.load.fn(state)
    before = state.dict()

    await LoginState.load.fn(state)

    assert state.dict() == before
