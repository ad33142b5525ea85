"""What somebody sees whose event fails: where they go on, and how long they wait."""

from urllib.parse import parse_qs, urlsplit

import pytest

from app.backend.api.forms import local_path
from app.backend.bootstrap import Services
from app.backend.core import masking
from app.backend.core.errors import Conflict, Invalid, TooMany
from app.state import edge
from app.state.notices import NoticesState
from app.state.playground import PlaygroundState
from app.state.session import SessionState
from tests.states import make_state


@pytest.mark.parametrize(
    "path",
    ["/", "/runs", "/runs?status=failed&q=a%26b", "/runs/1?tab=steps&step=2#log-5"],
)
async def test_ended_login_comes_back_to_the_same_place(
    services: Services, path: str
) -> None:
    edge.install(services)
    answer = str(await SessionState.load.fn(make_state(SessionState, path=path)))

    address = next(part for part in answer.split('"') if part.startswith("/login"))
    (then,) = parse_qs(urlsplit(address).query)["next"]
    assert then == path
    assert local_path(then) == path


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second."), (10, "10 seconds."), (119, "119 seconds."), (121, "3 minutes.")],
)
async def test_limit_says_how_long_to_wait(seconds: int, words: str) -> None:
    error = TooMany("Too much at once.", retry_after=seconds)
    answer = await edge._answer(make_state(NoticesState), error, "")  # pyright: ignore[reportPrivateUsage]

    assert f"Too much at once. Try again in {words}" in str(answer)


async def test_secret_in_what_a_service_said_is_masked() -> None:
    masking.known().learn(["canary-of-a-service"])
    error = Conflict("It says: wrong key canary-of-a-service.")

    answer = await edge._answer(make_state(NoticesState), error, "")  # pyright: ignore[reportPrivateUsage]

    assert "wrong key [redacted]" in str(answer)


async def test_wrong_field_is_marked_while_the_tab_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []

    async def enter(state: PlaygroundState) -> PlaygroundState:
        done.append("held")
        return state

    monkeypatch.setattr(PlaygroundState, "__aenter__", enter)
    monkeypatch.setattr(
        PlaygroundState, "_show_errors", lambda *_: done.append("marked")
    )
    wrong = Invalid.field("prompt", "Fill this in.")
    await edge._answer(make_state(PlaygroundState), wrong, "")  # pyright: ignore[reportPrivateUsage]

    assert done == ["held", "marked"]
