"""The page of models: connecting a provider, adding its models, and what is done with them."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.state import edge
from app.state.model_form import ModelFormState
from app.state.model_list import ModelListState
from app.state.model_offers import ModelOffersState
from app.state.provider_wizard import ProviderWizardState
from tests.factories.rows import MakeAgent, RowFactory
from tests.integration.providers import vendors
from tests.integration.providers.vendors import KEY
from tests.states import make_state

WRONG = "a-key-that-is-wrong"


@pytest.fixture
def vendor_url() -> Iterator[str]:
    """A server that speaks Anthropic's protocol."""
    with vendors.serving(vendors.anthropic()) as url:
        yield url


@pytest.fixture(autouse=True)
def _parts(services: Services) -> None:
    edge.install(services)


async def _listed(cookie: str) -> ModelListState:
    state = make_state(ModelListState, path="/models", cookie=cookie)
    await ModelListState.load.fn(state)
    return state


async def _connected(cookie: str, url: str) -> tuple[ProviderWizardState, Any]:
    state = make_state(ProviderWizardState, path="/models", cookie=cookie)
    await ProviderWizardState.open.fn(state)
    await ProviderWizardState.choose.fn(state, "anthropic")
    form = {"name": state.name, "settings.base_url": url, "api_key": KEY}
    return state, await ProviderWizardState.submit.fn(state, form)


async def test_wizard_says_which_stage_fails_and_keeps_nothing(
    cookie: str, vendor_url: str
) -> None:
    state = make_state(ProviderWizardState, path="/models", cookie=cookie)
    await ProviderWizardState.open.fn(state)
    assert {"anthropic", "custom"} <= {tile.key for tile in state.tiles}
    await ProviderWizardState.choose.fn(state, "anthropic")
    assert [item.field for item in state.fields] == ["settings.base_url"]

    form = {"name": "claude", "settings.base_url": vendor_url, "api_key": WRONG}
    await ProviderWizardState.submit.fn(state, form)

    statuses = {stage.stage: stage.status for stage in state.stages}
    assert statuses["connect"] == "ok"
    assert statuses["authenticate"] == "failed"
    assert statuses["chat"] == "waiting"
    assert WRONG not in str(state.dict())
    assert (await _listed(cookie)).providers == []


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"api_key": ""}, "api_key"),
        ({"name": "Not a name"}, "name"),
        ({"settings.base_url": "nonsense"}, "settings.base_url"),
    ],
)
async def test_wrong_field_says_so_beside_it(
    cookie: str, fields: dict[str, str], wrong: str
) -> None:
    state = make_state(ProviderWizardState, path="/models", cookie=cookie)
    await ProviderWizardState.choose.fn(state, "anthropic")

    given = {"name": "claude", "api_key": KEY, "skip_test": "on", **fields}
    await ProviderWizardState.submit.fn(state, given)

    assert list(state.errors) == [wrong]
    assert not state.is_testing


async def test_first_model_becomes_the_default_and_used_ones_stay(
    cookie: str, vendor_url: str, actor: Actor, make_agent: MakeAgent
) -> None:
    _, said = await _connected(cookie, vendor_url)
    assert said is not None
    state = await _listed(cookie)
    (provider,) = state.providers
    offers = make_state(ModelOffersState, path="/models", cookie=cookie)
    await ModelOffersState.open.fn(offers, provider.id)
    assert [row.name for row in offers.rows] == list(vendors.MODELS)
    await ModelOffersState.search.fn(offers, "goo")
    assert [row.name for row in offers.rows] == ["good"]

    await ModelOffersState.add.fn(offers, "good")
    await ModelOffersState.add_named.fn(offers, {"model_name": "claude-next"})

    state = await _listed(cookie)
    assert state.default_model == "anthropic/good"
    (provider,) = state.providers
    assert [(one.name, one.is_default) for one in provider.models] == [
        ("claude-next", False),
        ("good", True),
    ]
    await make_agent(actor, name="Clerk", model="anthropic/good")
    await ModelListState.ask.fn(state, "provider", provider.id, provider.name)
    refused = await ModelListState.confirm.fn(state)
    assert "the agent 'Clerk'" in str(refused)


async def test_model_is_changed_by_hand(cookie: str, vendor_url: str) -> None:
    await _connected(cookie, vendor_url)
    (provider,) = (await _listed(cookie)).providers
    offers = make_state(ModelOffersState, path="/models", cookie=cookie)
    await ModelOffersState.open.fn(offers, provider.id)
    await ModelOffersState.add.fn(offers, "good")
    (model,) = (await _listed(cookie)).providers[0].models
    form = make_state(ModelFormState, path="/models", cookie=cookie)
    await ModelFormState.open.fn(form, model.id)

    said = await ModelListState.make_cheap.fn(await _listed(cookie), model.id, True)
    assert "is now the cheap default" in str(said)
    await ModelFormState.open.fn(form, model.id)

    given = {"kind": "chat", "environment": "LAB", "context_window": "9000"}
    await ModelFormState.save.fn(form, {**given, "price_in": "-1"})
    assert list(form.errors) == ["price_in"]
    await ModelFormState.save.fn(form, {**given, "price_in": "3", "price_out": "15"})

    (model,) = (await _listed(cookie)).providers[0].models
    assert model.is_cheap
    assert model.facts == "9,000 tokens"
    assert model.prices == "$3 in, $15 out per million tokens"


async def test_models_that_agents_name_and_that_are_missing_are_listed(
    cookie: str,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    rows: RowFactory,
) -> None:
    await make_agent(actor, model="gone/gpt-9")
    await make_agent(actor, model="gone/gpt-9")
    await make_agent(actor, model="scripted/hello")
    theirs = await make_agent(other_actor, model="secret-plan/gpt-9")
    await rows.share(theirs, actor, "run")

    assert (await _listed(cookie)).wanted == ["gone/gpt-9"]


async def test_provider_that_is_changed_in_the_wizard_stays_switched_off(
    cookie: str, vendor_url: str
) -> None:
    await _connected(cookie, vendor_url)
    state = await _listed(cookie)
    (provider,) = state.providers
    await ModelListState.switch_provider.fn(state, provider.id, False)
    wizard = make_state(ProviderWizardState, path="/models", cookie=cookie)
    await ProviderWizardState.edit.fn(wizard, provider.id)

    form = {"settings.base_url": vendor_url, "label": "Ours", "is_shared": "on"}
    await ProviderWizardState.submit.fn(wizard, form)

    (provider,) = (await _listed(cookie)).providers
    assert (provider.label, provider.is_enabled) == ("Ours", False)
    assert provider.is_shared
