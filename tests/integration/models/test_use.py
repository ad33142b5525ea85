"""What names a model keeps it: fallbacks of agents and of models, and budgets."""

from typing import Any

import pytest

from app.backend.bootstrap import Services
from app.backend.budgets import model_use
from app.backend.budgets import service as budgets
from app.backend.budgets.schemas import BudgetDraft, BudgetPolicy
from app.backend.core import acting
from app.backend.core.actor import Actor, Role
from app.backend.core.errors import Conflict
from app.backend.models.schemas import ModelRowView
from app.backend.providers.schemas import ProviderView
from tests.factories.rows import MakeUser, RowFactory
from tests.integration.models.test_rows import add, connect

URL = "https://models.example.org/v1"


async def limit(services: Services, actor: Actor, **draft: Any) -> None:
    values = {"amount": 1, "policy": BudgetPolicy.CHEAPER, **draft}
    async with services.db.transaction() as session:
        await budgets.create_budget(
            session, actor, draft=BudgetDraft.model_validate(values)
        )


async def delete(
    services: Services, actor: Actor, view: ProviderView | ModelRowView
) -> None:
    async with services.db.transaction() as session:
        if isinstance(view, ProviderView):
            await model_use.delete_provider(session, actor, provider_id=view.id)
        else:
            await model_use.delete_model(session, actor, model_id=view.id)


async def refusals(
    services: Services, actor: Actor, *views: ProviderView | ModelRowView
) -> set[str]:
    """Return what is said to use each of them when it is to be deleted."""
    said: set[str] = set()
    for view in views:
        with acting.as_user(actor.user_id), pytest.raises(Conflict) as raised:
            await delete(services, actor, view)
        _, _, users = raised.value.message.partition(" is used by ")
        said.add(users.partition(". ")[0])
    return said


async def test_fallback_of_an_agent_stays(
    services: Services, actor: Actor, other_actor: Actor, rows: RowFactory
) -> None:
    provider = await connect(services, actor, URL)
    model = await add(services, actor, provider, "good")
    chain = ["scripted/hello", "mine/good"]
    await rows.agent(actor, name="Clerk", model="scripted/hello", fallbacks=chain)
    # Theirs is another provider, and this is another model.
    await rows.agent(other_actor, model="scripted/hello", fallbacks=chain)
    await rows.agent(actor, model="scripted/hello", fallbacks=["mine-too/good"])

    said = await refusals(services, actor, provider, model)

    assert said == {"the fallbacks of the agent 'Clerk'"}


async def test_fallback_of_a_model_stays(services: Services, actor: Actor) -> None:
    provider = await connect(services, actor, URL)
    model = await add(services, actor, provider, "good")
    other = await connect(services, actor, URL, name="other")
    await add(services, actor, other, "best", fallbacks=["mine/good"])

    said = await refusals(services, actor, provider, model)

    assert said == {"the fallbacks of the model 'other/best'"}


async def test_models_of_one_provider_go_together(
    services: Services, actor: Actor
) -> None:
    provider = await connect(services, actor, URL)
    model = await add(services, actor, provider, "good")
    await add(services, actor, provider, "best", fallbacks=["mine/good"])

    said = await refusals(services, actor, model)
    await delete(services, actor, provider)

    assert said == {"the fallbacks of the model 'mine/best'"}


async def test_model_that_a_budget_leads_to_stays(
    services: Services, actor: Actor, rows: RowFactory
) -> None:
    provider = await connect(services, actor, URL, is_shared=True)
    model = await add(services, actor, provider, "good")
    agent = await rows.agent(actor, name="Clerk", model="scripted/hello")
    cheaper = {"cheaper_model": "mine/good"}
    # This one does not lead to it.
    await limit(services, actor, policy=BudgetPolicy.STOP, **cheaper)

    await limit(services, actor, **cheaper)
    await limit(services, actor, scope="agent", agent_id=agent.id, **cheaper)
    await limit(services, actor, scope="installation", **cheaper)

    said = await refusals(services, actor, provider, model)
    assert said == {
        "a budget of yours, a budget of the agent 'Clerk', a budget of the installation"
    }


async def test_budget_of_the_installation_keeps_what_it_means_alone(
    services: Services, actor: Actor, make_user: MakeUser
) -> None:
    admin = await make_user(email="second@example.org", role=Role.ADMIN)
    shared = await connect(services, actor, URL, is_shared=True)
    model = await add(services, actor, shared, "good")
    own = await connect(services, admin, URL)
    await limit(services, actor, scope="installation", cheaper_model="mine/good")

    await delete(services, admin, own)

    said = await refusals(services, actor, shared, model)
    assert said == {"a budget of the installation"}


async def test_private_provider_of_an_administrator_stays_where_no_other_is_meant(
    services: Services, actor: Actor
) -> None:
    own = await connect(services, actor, URL)
    await limit(services, actor, scope="installation", cheaper_model="mine/good")

    assert await refusals(services, actor, own) == {"a budget of the installation"}


async def test_budget_that_an_administrator_set_is_called_so(
    services: Services, actor: Actor, other_actor: Actor, rows: RowFactory
) -> None:
    own = await connect(services, other_actor, URL)
    agent = await rows.agent(other_actor, name="Clerk", model="scripted/hello")
    cheaper = {"cheaper_model": "mine/good", "is_everyone": True}
    await limit(services, actor, user_id=other_actor.user_id, **cheaper)
    await limit(services, actor, scope="agent", agent_id=agent.id, **cheaper)

    assert await refusals(services, other_actor, own) == {
        "a budget that an administrator set for you, a budget that an administrator set for the agent 'Clerk'"
    }


async def test_budgets_of_other_people_are_counted_and_not_named(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    shared = await connect(services, actor, URL, is_shared=True)
    model = await add(services, actor, shared, "good")
    await limit(services, other_actor, cheaper_model="mine/good")

    assert await refusals(services, actor, shared, model) == {"1 of other people"}


async def test_provider_stays_for_everybody_whose_fallbacks_name_it(
    services: Services, actor: Actor, other_actor: Actor, rows: RowFactory
) -> None:
    provider = await connect(services, actor, URL, is_shared=True)
    await add(services, actor, provider, "good")
    await rows.agent(other_actor, model="scripted/hello", fallbacks=["mine/good"])

    with pytest.raises(Conflict, match="1 of other people"):
        async with services.db.transaction() as session:
            await model_use.share_with_all(
                session, actor, provider_id=provider.id, is_shared=False
            )
