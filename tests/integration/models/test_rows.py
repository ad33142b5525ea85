"""Models as rows: found by name, one default, for one environment; what is missing or refused is said and goes on."""

from collections.abc import AsyncGenerator, Iterator
from typing import Any
from uuid import uuid4

import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.errors import AppError, Forbidden, Invalid
from app.backend.models import service as models
from app.backend.models.catalog import ModelCatalog, open_catalog
from app.backend.models.schemas import (
    DefaultKind,
    Environment,
    ModelChange,
    ModelDraft,
    ModelRowView,
)
from app.backend.providers import service as providers
from app.backend.providers.base import ChatOptions
from app.backend.providers.errors import ModelMissing
from app.backend.providers.opened import ProviderOff
from app.backend.providers.schemas import ProviderDraft, ProviderView
from app.backend.runs.execute import ExecuteBody, execute
from tests.factories.rows import RowFactory
from tests.integration.providers import vendors
from tests.integration.providers.vendors import KEY

LAB = Environment.LAB


@pytest.fixture
def vendor_url() -> Iterator[str]:
    """A server that speaks OpenAI's protocol."""
    with vendors.serving(vendors.openai()) as url:
        yield f"{url}/v1"


def draft_of(url: str, **fields: Any) -> ProviderDraft:
    given = {"type": "openai_compatible", "name": "mine", **fields}
    return ProviderDraft.model_validate({**given, "settings": {"base_url": url}})


async def connect(
    services: Services, actor: Actor, url: str, **fields: Any
) -> ProviderView:
    draft = draft_of(url, **{"api_key": KEY, **fields})
    async with services.db.transaction() as session:
        return await providers.create_provider(
            session, actor, draft=draft, parts=services
        )


async def add(
    services: Services, actor: Actor, provider: ProviderView, name: str, **fields: Any
) -> ModelRowView:
    draft = ModelDraft.model_validate(
        {"provider_id": provider.id, "name": name, **fields}
    )
    async with services.db.transaction() as session:
        return await models.add_model(session, actor, draft=draft, environment=LAB)


async def ask(catalog: ModelCatalog, actor: Actor, name: str) -> str:
    opened = await catalog.open(actor, name, options=ChatOptions())
    return "".join([chunk.text async for chunk in opened.stream([])])


async def test_added_model_is_listed_and_answers(
    services: Services, actor: Actor, vendor_url: str
) -> None:
    provider = await connect(services, actor, vendor_url)
    can = {"tools": True, "context_window": 4096}
    await add(services, actor, provider, "good", capabilities=can)

    (view,) = [one for one in await services.models.list(actor) if one.id]
    assert (view.name, view.context_window) == ("mine/good", 4096)
    assert view.can_call_tools
    assert await services.models.context_window(actor, "mine/good") == 4096
    assert await ask(services.models, actor, "mine/good") == "".join(vendors.WORDS)


@pytest.mark.parametrize("kind", ["answer", "tools"])
async def test_shared_agent_asks_the_model_of_its_owner_for_whoever_runs_it(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    rows: RowFactory,
    vendor_url: str,
    kind: str,
) -> None:
    provider = await connect(services, actor, vendor_url)
    await add(services, actor, provider, "good", capabilities={"tools": True})
    agent = await rows.agent(actor, model="mine/good", kind=kind)
    await rows.share(agent, other_actor, "run")
    body = ExecuteBody(agent_id=agent.id, query="What?")

    result = await execute(services, other_actor, body, lambda event: None)

    assert result.output_data is not None, result.error
    assert result.output_data.answer == "".join(vendors.WORDS)
    with pytest.raises(AppError):
        await ask(services.models, other_actor, "mine/good")


async def test_model_of_somebody_else_is_missing(
    services: Services, actor: Actor, other_actor: Actor, vendor_url: str
) -> None:
    provider = await connect(services, actor, vendor_url)
    await add(services, actor, provider, "good")

    with pytest.raises(ModelMissing, match="no provider 'mine'"):
        await services.models.find(other_actor, "mine/good")
    assert not [one for one in await services.models.list(other_actor) if one.id]


async def test_shared_provider_answers_everybody_with_its_owner_s_key(
    services: Services, actor: Actor, other_actor: Actor, vendor_url: str
) -> None:
    provider = await connect(services, actor, vendor_url, is_shared=True)
    await add(services, actor, provider, "good", is_default=True)

    assert await services.models.default_name(other_actor) == "mine/good"
    assert await ask(services.models, other_actor, "") == "".join(vendors.WORDS)


@pytest.mark.parametrize("model", ["broken", "good"])
async def test_address_of_a_provider_is_told_to_nobody_who_only_uses_it(
    services: Services, actor: Actor, other_actor: Actor, vendor_url: str, model: str
) -> None:
    wrong = {"api_key": "a-key-that-is-wrong"} if model == "good" else {}
    provider = await connect(
        services, actor, vendor_url, label="Ours", is_shared=True, **wrong
    )
    await add(services, actor, provider, model, is_default=True)

    with pytest.raises(AppError, match=r"'Ours'.*ask its owner") as raised:
        await ask(services.models, other_actor, "")
    # Pauses before another try are told of while it is asked.
    asked = await services.models.open(other_actor, "", options=ChatOptions())
    with pytest.raises(AppError, match=r"'Ours'"):
        await anext(asked.stream([]))

    assert "127.0.0.1" not in str(raised.value) + raised.value.message
    found = await services.models.list(other_actor)
    notes = [view.note for view in found if view.id]
    async with services.db.read() as session:
        (theirs,) = await providers.list_providers(session, other_actor)
        (ours,) = await providers.list_providers(session, actor)
    assert theirs.trouble == "".join(notes) == ""
    assert bool(ours.trouble) is (model == "good")


async def test_default_is_one_and_one_s_own_comes_first(
    services: Services, actor: Actor, other_actor: Actor, vendor_url: str
) -> None:
    shared = await connect(services, actor, vendor_url, is_shared=True)
    first = await add(services, actor, shared, "good", is_default=True)
    second = await add(services, actor, shared, "tool", is_default=True)
    own = await connect(
        services, other_actor, "https://models.example.org/v1", name="own"
    )
    await add(services, other_actor, own, "best", is_default=True)

    assert await services.models.default_name(actor) == "mine/tool"
    assert await services.models.default_name(other_actor) == "own/best"
    async with services.db.read() as session:
        views = await models.list_models(session, actor)
    assert {view.id: view.is_default for view in views} == {
        first.id: False,
        second.id: True,
    }


async def cheap_of(services: Services, actor: Actor) -> str:
    async with services.db.read() as session:
        return await models.chosen_default(
            session, actor, environment=LAB, kind=DefaultKind.CHEAP
        )


async def test_cheap_default_is_one_beside_the_other_default(
    services: Services, actor: Actor, other_actor: Actor, vendor_url: str
) -> None:
    shared = await connect(services, actor, vendor_url, is_shared=True)
    first = await add(services, actor, shared, "good", is_default=True, is_cheap=True)
    assert await cheap_of(services, other_actor) == "mine/good"

    second = await add(services, actor, shared, "tool")
    async with services.db.transaction() as session:
        await models.set_cheap(session, actor, model_id=second.id, is_cheap=True)

    assert await cheap_of(services, actor) == "mine/tool"
    assert await services.models.default_name(actor) == "mine/good"
    async with services.db.transaction() as session:
        views = await models.list_models(session, actor)
        assert {view.id: view.is_cheap for view in views} == {
            first.id: False,
            second.id: True,
        }
        await models.set_enabled(session, actor, model_id=second.id, is_enabled=False)
    assert await cheap_of(services, actor) == ""


async def test_model_that_makes_vectors_is_no_cheap_default(
    services: Services, actor: Actor, vendor_url: str
) -> None:
    provider = await connect(services, actor, vendor_url)
    vectors = {"kind": "embedding", "is_cheap": True}
    with pytest.raises(Invalid, match="answers nothing"):
        await add(services, actor, provider, "embed-small", **vectors)
    model = await add(services, actor, provider, "good", is_cheap=True)
    change = ModelChange.model_validate(vectors)

    with pytest.raises(Invalid, match="answers nothing"):
        async with services.db.transaction() as session:
            await models.update_model(
                session, actor, model_id=model.id, change=change, environment=LAB
            )

    assert await cheap_of(services, actor) == "mine/good"


async def test_default_of_one_person_leaves_that_of_another_alone(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    for person in (other_actor, actor):
        provider = await connect(services, person, "https://models.example.org/v1")
        await add(services, person, provider, "good", is_default=True)

    assert await services.models.default_name(other_actor) == "mine/good"


async def test_kept_key_is_tried_where_it_belongs_only(
    services: Services, actor: Actor, vendor_url: str
) -> None:
    await connect(services, actor, vendor_url)
    rows = services.models.need_rows()

    same = await rows.connect_draft(actor, draft_of(vendor_url))
    assert same.key.get_secret_value() == KEY
    with pytest.raises(Invalid, match="Enter the key again"):
        await rows.connect_draft(actor, draft_of("https://elsewhere.example.org/v1"))
    limits = {
        "api_key_id": uuid4(),
        "permissions": frozenset({Permission.ADD_PROVIDER}),
    }
    with pytest.raises(Forbidden, match="change_secret"):
        await rows.connect_draft(actor.model_copy(update=limits), draft_of(vendor_url))


async def test_second_administrator_tries_a_shared_provider_with_its_own_key_only(
    services: Services, actor: Actor, rows: RowFactory, vendor_url: str
) -> None:
    shared = await connect(services, actor, vendor_url, is_shared=True)
    second = await rows.user(role=Role.ADMIN)
    await connect(services, second, vendor_url, api_key="key-of-the-second-one")
    models_of_rows = services.models.need_rows()

    tried = await models_of_rows.connect_draft(
        second, draft_of(vendor_url), editing_id=shared.id
    )

    assert tried.key.get_secret_value() == KEY
    with pytest.raises(Invalid, match="Enter the key again"):
        await models_of_rows.connect_draft(
            second,
            draft_of("https://elsewhere.example.org/v1"),
            editing_id=shared.id,
        )


async def test_switched_off_says_so(
    services: Services, actor: Actor, vendor_url: str
) -> None:
    provider = await connect(services, actor, vendor_url)
    model = await add(services, actor, provider, "good", is_default=True)
    async with services.db.transaction() as session:
        await models.set_enabled(session, actor, model_id=model.id, is_enabled=False)

    with pytest.raises(Invalid, match="switched off"):
        await services.models.find(actor, "mine/good")
    assert await services.models.default_name(actor) == services.models.default

    async with services.db.transaction() as session:
        await models.set_enabled(session, actor, model_id=model.id, is_enabled=True)
        await providers.set_enabled(
            session, actor, provider_id=provider.id, is_enabled=False
        )
    with pytest.raises(ProviderOff, match="switched off"):
        await services.models.find(actor, "mine/good")


@pytest.fixture
async def in_production(services: Services) -> AsyncGenerator[ModelCatalog, None]:
    """The catalog of an installation that is no LAB."""
    settings = services.settings.model_copy(update={"environment": "PROD"})
    catalog = open_catalog(settings, services.db, services.keyring)
    yield catalog
    await catalog.close()


async def test_production_uses_its_own_models_and_falls_back_to_no_setting(
    services: Services, actor: Actor, vendor_url: str, in_production: ModelCatalog
) -> None:
    provider = await connect(services, actor, vendor_url)
    await add(services, actor, provider, "good", is_default=True)

    with pytest.raises(Invalid, match="No default model is chosen for PROD"):
        await in_production.default_name(actor)
    with pytest.raises(Invalid, match="is for LAB, and this installation is PROD"):
        await in_production.find(actor, "mine/good")
    await add(services, actor, provider, "tool", environment="PROD", is_default=True)
    assert await in_production.default_name(actor) == "mine/tool"
    assert await services.models.default_name(actor) == "mine/good"


async def test_model_for_vectors_answers_nothing(
    services: Services, actor: Actor, vendor_url: str
) -> None:
    provider = await connect(services, actor, vendor_url)
    await add(services, actor, provider, "good", kind="embedding")

    with pytest.raises(Invalid, match="makes vectors"):
        await services.models.find(actor, "mine/good")


async def test_key_is_changed_while_the_process_runs(
    services: Services, actor: Actor, vendor_url: str
) -> None:
    provider = await connect(
        services, actor, vendor_url, api_key="a-wrong-key-of-tests"
    )
    await add(services, actor, provider, "good")
    with pytest.raises(AppError, match="provider 'mine' under Models"):
        await ask(services.models, actor, "mine/good")
    assert await trouble(services, actor) == (
        "The service of 'OpenAI-compatible' rejects the key. Correct the key of the provider 'mine' under Models."
    )

    draft = ProviderDraft.model_validate(
        {
            "type": provider.type,
            "name": "mine",
            "settings": provider.settings,
            "api_key": KEY,
        }
    )
    async with services.db.transaction() as session:
        await providers.update_provider(
            session, actor, provider_id=provider.id, draft=draft, parts=services
        )

    assert await ask(services.models, actor, "mine/good") == "".join(vendors.WORDS)
    assert await trouble(services, actor) == ""


async def trouble(services: Services, actor: Actor) -> str:
    async with services.db.read() as session:
        (view,) = await providers.list_providers(session, actor)
    return view.trouble


async def test_client_is_built_once_for_a_version_and_a_key(
    services: Services, actor: Actor, vendor_url: str
) -> None:
    provider = await connect(services, actor, vendor_url)
    await add(services, actor, provider, "good")

    first = await services.models.open(actor, "mine/good", options=ChatOptions())
    again = await services.models.open(actor, "mine/good", options=ChatOptions())
    assert first.chat is again.chat
    async with services.db.transaction() as session:
        await providers.set_enabled(
            session, actor, provider_id=provider.id, is_enabled=True
        )
    changed = await services.models.open(actor, "mine/good", options=ChatOptions())
    assert changed.chat is not first.chat
