"""A service that keeps failing is left alone, then tried once."""

import asyncio

import pytest
from redis.asyncio import Redis

from app.backend.bootstrap import Services
from app.backend.core.errors import AppError
from app.backend.providers import breaker
from app.backend.providers.breaker import Breaker, ServicePaused
from app.backend.providers.errors import ModelRefused, ModelUnavailable, RuntimeLost
from tests.parts import free_port

AWAY = ModelUnavailable("Away.", service="openai")


async def _ask(asked: Breaker, error: AppError | None, service: str = "openai") -> str:
    """Return what came of a question: `answered`, `paused`, or the name of another error."""
    try:
        async with asked.asking(service):
            if error is not None:
                raise error
    except ServicePaused:
        return "paused"
    except AppError as failed:
        return type(failed).__name__
    return "answered"


async def _break(asked: Breaker) -> None:
    for _ in range(breaker.FAILURES_MAX):
        assert await _ask(asked, AWAY) == "ModelUnavailable"


async def test_service_that_keeps_failing_is_left_alone_by_all_processes(
    services: Services,
) -> None:
    await _break(Breaker(services.redis))
    other = Breaker(services.redis)

    assert await _ask(other, None) == "paused"
    assert await _ask(other, None, "ollama") == "answered"
    with pytest.raises(ServicePaused, match="press Retry") as paused:
        async with other.asking("openai"):
            pass
    assert 0 < paused.value.retry_after <= breaker.PAUSE_SECONDS


async def test_answer_in_between_begins_the_count_anew(services: Services) -> None:
    asked = Breaker(services.redis)
    for error in [AWAY] * 4 + [None] + [AWAY] * 4:
        assert await _ask(asked, error) != "paused"

    assert await _ask(asked, None) == "answered"


async def test_only_silence_of_a_service_counts(services: Services) -> None:
    asked = Breaker(services.redis)
    for error in (ModelRefused("No."), RuntimeLost("Lost.", service="runtime")):
        for _ in range(breaker.FAILURES_MAX + 1):
            assert await _ask(asked, error) == type(error).__name__


@pytest.mark.parametrize("error", [None, AWAY])
async def test_after_the_pause_one_tries_and_the_others_wait_for_it(
    services: Services, error: AppError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Breaker(services.redis)
    await _break(asked)
    # The pause is over.
    await services.redis.delete("app:providers:openai:paused")
    is_asked, may_end = asyncio.Event(), asyncio.Event()

    async def try_once() -> str:
        async with asked.asking("openai"):
            is_asked.set()
            await may_end.wait()
            if error is not None:
                raise error
        return "answered"

    trying = asyncio.create_task(try_once())
    await is_asked.wait()
    others = [await _ask(asked, None) for _ in range(3)]
    may_end.set()
    (result,) = await asyncio.gather(trying, return_exceptions=True)
    after = await _ask(asked, None)

    assert others == ["paused"] * 3
    assert result == (error or "answered")
    assert after == ("answered" if error is None else "paused")


async def test_without_redis_nothing_is_held_back() -> None:
    async with Redis.from_url(f"redis://127.0.0.1:{free_port()}/0") as away:
        asked = Breaker(away)
        for _ in range(breaker.FAILURES_MAX + 1):
            assert await _ask(asked, AWAY) == "ModelUnavailable"
        assert await _ask(asked, None) == "answered"


async def test_broken_services_are_listed_with_the_time_of_the_next_try(
    services: Services,
) -> None:
    asked = Breaker(services.redis)
    assert await asked.list_broken() == []
    await _break(asked)

    (broken,) = await asked.list_broken()
    assert broken.service == "openai"
    assert 0 < broken.seconds <= breaker.PAUSE_SECONDS

    await services.redis.delete("app:providers:openai:paused")
    assert [one.seconds for one in await asked.list_broken()] == [0]

    assert await _ask(asked, None) == "answered"
    assert await asked.list_broken() == []


async def test_questions_are_repeated_a_fifth_as_often_as_they_are_asked(
    services: Services,
) -> None:
    asked, other = Breaker(services.redis), Breaker(services.redis)

    async def repeat() -> int:
        """Repeat a question as often as it may be, and return how often that was."""
        times = 0
        while await asked.may_ask_again("openai"):
            await _ask(asked, None)
            times += 1
        return times

    reserve = await repeat()
    for _ in range(40):
        await _ask(other, None)
    earned = await repeat()

    assert reserve + earned == pytest.approx(breaker.RETRIES_RESERVE + 8, abs=1)
    assert earned == pytest.approx(8, abs=1)
    assert await asked.may_ask_again("ollama")
