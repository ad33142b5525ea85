"""Middlewares as rows: whose they are, how a change reaches other processes, and what a run shows of them."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core import acting
from app.backend.core.actor import Actor, Role
from app.backend.core.errors import Forbidden, Invalid, NotFound
from app.backend.core.run_events import RunStatus
from app.backend.core.settings import Settings
from app.backend.identity import sharing
from app.backend.identity.audit_log import AuditFilter, list_audit
from app.backend.identity.sharing_schemas import Level, ShareDraft
from app.backend.middleware import service as middleware
from app.backend.middleware.schemas import (
    MiddlewareChange,
    MiddlewareDraft,
    MiddlewareView,
)
from app.backend.middleware.tables import ModelMiddlewareRow
from app.backend.models import service as models
from app.backend.providers import service as providers
from app.backend.providers.sharing import PROVIDERS
from app.backend.runs import executor
from tests.factories.rows import MakeAgent, RowFactory
from tests.fakes.knowledge import FakeEmbedder
from tests.priced import add_priced
from tests.runs import Runs

MODEL = "priced/hello"


@pytest.fixture
async def parts(settings: Settings) -> AsyncGenerator[Services, None]:
    """Parts whose vectors need no model."""
    async with bootstrap.build(settings, local_embedder=FakeEmbedder()) as services:
        yield services


@pytest.fixture
async def other_process(settings: Settings) -> AsyncGenerator[Services, None]:
    """The same installation, as another process has it."""
    async with bootstrap.build(settings, local_embedder=FakeEmbedder()) as services:
        yield services


async def add(
    parts: Services, actor: Actor, kind: str, *, model: str = MODEL, **fields: Any
) -> MiddlewareView:
    draft = MiddlewareDraft.model_validate({"model": model, "type": kind, **fields})
    async with parts.db.transaction() as session:
        return await middleware.add_middleware(
            session, actor, model=draft.model, draft=draft, chains=parts.chains
        )


async def types_before(parts: Services, actor: Actor, name: str = MODEL) -> list[str]:
    """What stands before a model now, as a run finds it."""
    chosen = await parts.models.find(actor, name)
    chain = await parts.chains.find(chosen.name, chosen.model_id)
    return [one.info.key for one in chain.middlewares] if chain else []


async def run(parts: Services, actor: Actor, agent: Any) -> tuple[Any, list[Any]]:
    runs = Runs(parts, actor)
    started = await runs.start(agent.id)
    await executor.execute_run(
        parts, started.id, worker="here", shutdown=asyncio.Event()
    )
    return await runs.get(started.id), await runs.events(started.id)


async def test_order_is_that_of_the_priorities_then_of_the_names(
    parts: Services, actor: Actor
) -> None:
    await add_priced(parts, actor, "hello")
    for kind, priority in (("validation", 1), ("retry", 7), ("cache", 7)):
        await add(parts, actor, kind, priority=priority)
    await add(parts, actor, "logging", is_active=False)

    async with parts.db.read() as session:
        listed = await middleware.list_of_model(session, actor, model=MODEL)
    assert [one.type for one in listed] == ["validation", "cache", "retry", "logging"]
    assert await types_before(parts, actor) == ["validation", "cache", "retry"]


async def test_each_change_acts_at_once_in_every_process(
    parts: Services, other_process: Services, actor: Actor
) -> None:
    await add_priced(parts, actor, "hello")
    assert await types_before(other_process, actor) == []

    view = await add(parts, actor, "cache")
    assert await types_before(other_process, actor) == ["cache"]

    change = MiddlewareChange(config={"seconds": 5})
    async with parts.db.transaction() as session:
        await middleware.change_middleware(
            session, actor, middleware_id=view.id, change=change, chains=parts.chains
        )
    chosen = await other_process.models.find(actor, MODEL)
    chain = await other_process.chains.find(chosen.name, chosen.model_id)
    assert chain is not None
    assert chain.middlewares[0].settings.seconds == 5

    async with parts.db.transaction() as session:
        await middleware.delete_middleware(
            session, actor, middleware_id=view.id, chains=parts.chains
        )
    assert await types_before(other_process, actor) == []


async def test_chain_is_compiled_once_until_it_changes(
    parts: Services, actor: Actor
) -> None:
    await add_priced(parts, actor, "hello")
    await add(parts, actor, "cache")
    chosen = await parts.models.find(actor, MODEL)

    chains = parts.chains
    first = await chains.find(chosen.name, chosen.model_id)
    again = await chains.find(chosen.name, chosen.model_id)
    await add(parts, actor, "retry")
    later = await chains.find(chosen.name, chosen.model_id)

    assert first is again
    assert later is not first


async def test_chain_of_a_new_default_is_known_before_it_is_asked(
    parts: Services, actor: Actor
) -> None:
    await add_priced(parts, actor, "hello")
    await add(parts, actor, "cache")
    async with parts.db.transaction() as session:
        (view,) = await models.list_models(session, actor)
        view = await models.set_default(
            session, actor, model_id=view.id, is_default=True
        )
        middleware.warm_default(session, view, chains=parts.chains)

    assert await parts.redis.exists(f"app:middleware:{view.id}:chain")


async def test_without_redis_the_rows_say_it(
    parts: Services, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_priced(parts, actor, "hello")
    await add(parts, actor, "cache")

    async def fail(*_arguments: Any) -> Any:
        raise TimeoutError

    monkeypatch.setattr(parts.redis, "mget", fail)
    assert await types_before(parts, actor) == ["cache"]


async def test_models_of_the_settings_are_the_administrators(
    parts: Services, actor: Actor, other_actor: Actor
) -> None:
    with pytest.raises(Forbidden):
        await add(parts, other_actor, "cache", model="scripted/hello")
    view = await add(
        parts, actor, "validation", model="scripted/hello", config={"forbidden": ["x"]}
    )

    assert await types_before(parts, other_actor, "scripted/hello") == ["validation"]
    async with parts.db.read() as session:
        (seen,) = await middleware.list_middlewares(session, other_actor)
    assert (seen.id, seen.may_change, seen.config) == (view.id, False, {})


async def test_model_that_a_person_shares_is_theirs_to_change(
    parts: Services, actor: Actor, other_actor: Actor
) -> None:
    await add_priced(parts, other_actor, "hello")
    with acting.as_user(other_actor.user_id):
        async with parts.db.transaction() as session:
            (view,) = await providers.list_providers(session, other_actor)
            draft = ShareDraft(email=actor.email, level=Level.RUN)
            await sharing.share(
                session, other_actor, PROVIDERS, object_id=view.id, draft=draft
            )
    theirs = "is a model of somebody else. Ask them to change"

    with pytest.raises(Forbidden, match=theirs):
        await add(parts, actor, "cache")
    with acting.as_user(actor.user_id):
        async with parts.db.transaction() as session:
            (model,) = await models.list_models(session, actor)
            with pytest.raises(Forbidden, match=theirs):
                await models.set_default(
                    session, actor, model_id=model.id, is_default=True
                )


async def test_administrator_changes_those_of_another_administrators_model(
    parts: Services, actor: Actor, rows: RowFactory
) -> None:
    second = await rows.user(role=Role.ADMIN)
    await add_priced(parts, actor, "hello")
    async with parts.db.transaction() as session:
        (provider,) = await providers.list_providers(session, actor)
        await providers.share_with_all(
            session, actor, provider_id=provider.id, is_shared=True
        )
    change = MiddlewareChange(config={"seconds": 5})
    with acting.as_user(second.user_id):
        view = await add(parts, second, "cache")
        of: dict[str, Any] = {"middleware_id": view.id, "chains": parts.chains}
        async with parts.db.transaction() as session:
            changed = await middleware.change_middleware(
                session, second, change=change, **of
            )
            off = await middleware.set_active(session, second, is_active=False, **of)
        async with parts.db.transaction() as session:
            await middleware.delete_middleware(session, second, **of)

    assert (changed.config["seconds"], off.is_active) == (5, False)
    async with parts.db.read() as session:
        assert await middleware.list_middlewares(session, actor) == []


async def test_those_of_another_persons_model_are_not_found(
    parts: Services, actor: Actor, other_actor: Actor
) -> None:
    await add_priced(parts, actor, "hello")
    view = await add(parts, actor, "cache")

    with pytest.raises(NotFound):
        await add(parts, other_actor, "cache")
    async with parts.db.read() as session:
        assert await middleware.list_middlewares(session, other_actor) == []
        with pytest.raises(NotFound):
            await middleware.get_middleware(session, other_actor, middleware_id=view.id)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kind": "gone"}, "type"),
        ({"kind": "cache", "config": {"seconds": 0}}, "config.seconds"),
        ({"kind": "cache", "config": {"extra": 0}}, "config.extra"),
    ],
)
async def test_wrong_fields_are_named(
    parts: Services, actor: Actor, fields: dict[str, Any], named: str
) -> None:
    await add_priced(parts, actor, "hello")

    with pytest.raises(Invalid) as refused:
        await add(parts, actor, **fields)

    assert list(refused.value.details) == [named]


async def test_they_go_with_their_model_and_changes_are_in_the_audit(
    parts: Services, actor: Actor
) -> None:
    await add_priced(parts, actor, "hello")
    view = await add(parts, actor, "cache")
    assert view.model_id is not None
    async with parts.db.transaction() as session:
        await models.delete_model(session, actor, model_id=view.model_id)

    async with parts.db.read() as session:
        assert await session.get(ModelMiddlewareRow, view.id) is None
        entries = await list_audit(session, actor, wanted=AuditFilter())
    assert ("middleware_added", "middleware") in [
        (one.action, one.object_kind) for one in entries.items
    ]


async def test_run_shows_what_acted_and_a_cached_answer_costs_nothing(
    parts: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    await add_priced(parts, actor, "hello")
    await add(parts, actor, "logging")
    await add(parts, actor, "cache")
    agent = await make_agent(actor, model=MODEL)

    first, _ = await run(parts, actor, agent)
    again, events = await run(parts, actor, agent)

    acted = [
        (one.payload["name"], one.payload["phase"])
        for one in events
        if one.type == "middleware_acted"
    ]
    assert acted == [
        ("Logging", "before"),
        ("Cache", "before"),
        ("Logging", "after"),
    ]
    assert again.status == RunStatus.COMPLETED
    assert again.output == first.output
    (used,) = [one.payload for one in events if one.type == "usage_recorded"]
    assert (used["tokens_in"], used["tokens_out"], used["cost_micros"]) == (0, 0, 0)


async def test_run_fails_in_words_when_a_critical_one_is_broken(
    parts: Services, actor: Actor, rows: RowFactory, make_agent: MakeAgent
) -> None:
    gone: dict[str, Any] = {"type": "gone", "priority": 1, "config": {}}
    row = ModelMiddlewareRow(model_name="scripted/hello", is_critical=True, **gone)
    await rows.add(row)
    agent = await make_agent(actor, model="scripted/hello")

    ended, _ = await run(parts, actor, agent)

    assert ended.status == RunStatus.FAILED
    assert "scripted/hello is not asked" in (ended.error or "")


async def test_run_ends_with_the_reason_when_its_question_is_refused(
    parts: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    model = "scripted/hello"
    await add(parts, actor, "validation", model=model, config={"forbidden": ["this"]})
    agent = await make_agent(actor, model=model)

    ended, _ = await run(parts, actor, agent)

    assert ended.status == RunStatus.FAILED
    assert "rules of this model forbid" in (ended.error or "")


async def test_retry_of_a_model_takes_the_place_of_what_every_model_has(
    parts: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    model = "scripted/busy"
    await add(parts, actor, "retry", model=model, config={"attempts": 2, "pause": 0})
    agent = await make_agent(actor, model=model)

    ended, events = await run(parts, actor, agent)

    retries = [one for one in events if one.type == "retry_scheduled"]
    assert (ended.status, len(retries)) == (RunStatus.FAILED, 1)


async def test_fallback_without_a_critical_one_is_passed_over(
    parts: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    away = "scripted/error"
    await add(parts, actor, "pii", model=away, is_critical=True)
    await add(parts, actor, "retry", model=away, config={"attempts": 1})
    # It might be left out there.
    await add(parts, actor, "pii", model="scripted/hello")
    await add(parts, actor, "pii", model="scripted/echo", is_critical=True)
    chain = ["scripted/hello", "scripted/echo"]
    agent = await make_agent(actor, model=away, fallbacks=chain)

    ended, events = await run(parts, actor, agent)

    hops = [one.payload["model"] for one in events if one.type == "fallback_asked"]
    (told,) = [
        one.payload["message"]
        for one in events
        if one.type == "log" and one.payload["level"] == "warning"
    ]
    assert (ended.status, hops) == (RunStatus.COMPLETED, ["scripted/echo"])
    assert "scripted/hello cannot be asked" in told
    assert "is not critical before it: pii" in told
