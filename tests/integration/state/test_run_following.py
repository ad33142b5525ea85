"""How long the store of a run keeps up with it: until it ends, or its page is left."""

import asyncio

import pytest

from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.routes import run_path
from app.state import run_feed
from app.state.run_feed import RunFeedState
from app.state.run_page import RunPageState
from tests.factories.rows import RowFactory
from tests.states import make_state

pytestmark = pytest.mark.usefixtures("open_tab")


async def test_run_that_somebody_has_left_is_not_shown_again(
    rows: RowFactory, actor: Actor, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_feed, "LOG_FIRST_SECONDS", 0.0)
    run = await rows.run(actor, status=RunStatus.COMPLETED)
    feed = make_state(RunFeedState, path=run_path(run.id), cookie=cookie)
    await RunFeedState.follow.fn(feed, str(run.id))
    await RunFeedState.disconnect.fn(feed)

    await RunFeedState.keep_up.fn(feed, str(run.id))

    assert feed.current_run_id == ""


async def test_run_is_not_followed_when_its_page_is_left(
    rows: RowFactory, actor: Actor, cookie: str
) -> None:
    run = await rows.run(actor, status=RunStatus.RUNNING)
    feed = make_state(RunFeedState, path=run_path(run.id), cookie=cookie)
    following = asyncio.create_task(RunFeedState.follow.fn(feed, str(run.id)))
    await asyncio.wait({following}, timeout=1)
    assert not following.done()

    await RunFeedState.leave.fn(feed)

    async with asyncio.timeout(5):
        await following
    # The next page may show the same run, and then does so at once.
    assert feed.current_run_id == str(run.id)


async def test_run_is_not_followed_whose_page_is_left_in_its_first_moment(
    rows: RowFactory, actor: Actor, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_feed, "LOG_FIRST_SECONDS", 0.0)
    run = await rows.run(actor, status=RunStatus.RUNNING)
    state = make_state(RunPageState, path=run_path(run.id), cookie=cookie)
    await RunPageState.load.fn(state)
    feed = await state.get_state(RunFeedState)
    await RunFeedState.leave.fn(feed)

    async with asyncio.timeout(5):
        await RunFeedState.keep_up.fn(feed, str(run.id))

    # Another page of the same run follows it again.
    await RunPageState.load.fn(state)
    following = asyncio.create_task(RunFeedState.keep_up.fn(feed, str(run.id)))
    await asyncio.wait({following}, timeout=1)
    assert not following.done()
    await RunFeedState.leave.fn(feed)
    await following
