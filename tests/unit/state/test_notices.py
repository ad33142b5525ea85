"""Notices: at most three, and undo."""

from typing import Any

from app.state import notices
from app.state.notices import Kind, Notice, NoticesState
from tests.states import make_state


async def test_show_keeps_the_newest_three() -> None:
    state = make_state(NoticesState)

    for number in range(4):
        await NoticesState.show.fn(state, Notice(kind=Kind.DONE, text=str(number)))

    assert [row.text for row in state.rows] == ["1", "2", "3"]


async def test_dismiss_takes_one_away() -> None:
    state = make_state(NoticesState)
    notice = Notice(kind=Kind.INFO, text="Hello.")
    await NoticesState.show.fn(state, notice)

    await NoticesState.dismiss.fn(state, notice.id)

    assert state.rows == []


async def test_undo_calls_what_was_registered() -> None:
    asked: list[str] = []

    def undo(subject_id: str) -> Any:
        asked.append(subject_id)

    notices.register_undo("test.undo", undo)
    state = make_state(NoticesState)
    notice = Notice(kind=Kind.DONE, text="Gone.", undo="test.undo", subject_id="7")
    await NoticesState.show.fn(state, notice)

    await NoticesState.undo.fn(state, notice.id)

    assert (asked, state.rows) == (["7"], [])


async def test_undo_of_an_unknown_notice_does_nothing() -> None:
    assert await NoticesState.undo.fn(make_state(NoticesState), "gone") is None
