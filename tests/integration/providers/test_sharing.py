"""A provider that its owner shares with single people: used with the owner's key, and nothing of it shown."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from app.backend.bootstrap import Services
from app.backend.budgets import model_use
from app.backend.core import acting
from app.backend.core.actor import Actor, Role
from app.backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.backend.identity import groups, sharing
from app.backend.identity.sharing_schemas import (
    GroupDraft,
    Level,
    MemberDraft,
    ShareDraft,
)
from app.backend.providers import service as providers
from app.backend.providers.errors import ModelMissing
from app.backend.providers.schemas import ProviderView
from app.backend.providers.sharing import PROVIDERS
from tests.factories.rows import RowFactory
from tests.integration.models.test_rows import KEY, add, ask, connect
from tests.integration.providers import vendors


@pytest.fixture
def vendor_url() -> Iterator[str]:
    """A server that speaks OpenAI's protocol."""
    with vendors.serving(vendors.openai()) as url:
        yield f"{url}/v1"


@pytest.fixture
async def owner(rows: RowFactory) -> Actor:
    """Somebody who may connect addresses of this machine, and is not the one who uses them."""
    return await rows.user(role=Role.ADMIN)


async def _share(
    services: Services, owner: Actor, provider: ProviderView, draft: ShareDraft
) -> UUID:
    with acting.as_user(owner.user_id):
        async with services.db.transaction() as session:
            view = await sharing.share(
                session, owner, PROVIDERS, object_id=provider.id, draft=draft
            )
    return view.id


def _with(person: Actor) -> ShareDraft:
    return ShareDraft(email=person.email, level=Level.RUN)


async def _listed(services: Services, actor: Actor) -> list[ProviderView]:
    with acting.as_user(actor.user_id):
        async with services.db.read() as session:
            return await providers.list_providers(session, actor)


async def test_person_uses_it_with_the_owners_key_and_sees_nothing_of_it(
    services: Services, owner: Actor, other_actor: Actor, vendor_url: str
) -> None:
    provider = await connect(services, owner, vendor_url)
    await add(services, owner, provider, "good", is_default=True)
    await _share(services, owner, provider, _with(other_actor))

    assert await ask(services.models, other_actor, "mine/good") == "".join(
        vendors.WORDS
    )
    (seen,) = await _listed(services, other_actor)
    assert (seen.settings, seen.secret_ref, seen.may_change) == ({}, "", False)
    assert seen.owner_name == owner.email
    assert KEY not in seen.model_dump_json()
    assert vendor_url not in seen.model_dump_json()
    # What the owner has chosen for themselves is no default of other people.
    assert await services.models.default_name(other_actor) != "mine/good"
    names = [one.name for one in await services.models.list(other_actor) if one.id]
    assert names == ["mine/good"]


async def test_people_of_a_group_use_it_and_nobody_else(
    services: Services,
    actor: Actor,
    owner: Actor,
    other_actor: Actor,
    rows: RowFactory,
    vendor_url: str,
) -> None:
    provider = await connect(services, owner, vendor_url)
    await add(services, owner, provider, "good")
    third = await rows.user()
    async with services.db.transaction() as session:
        group = await groups.create_group(session, actor, draft=GroupDraft(name="Us"))
        member = MemberDraft(email=other_actor.email)
        await groups.add_member(session, actor, group_id=group.id, draft=member)
    draft = ShareDraft(group_id=group.id, level=Level.RUN)
    await _share(services, owner, provider, draft)

    assert await ask(services.models, other_actor, "mine/good")
    with pytest.raises(ModelMissing):
        await ask(services.models, third, "mine/good")


async def test_share_that_is_taken_back_ends_at_the_next_question(
    services: Services, owner: Actor, other_actor: Actor, vendor_url: str
) -> None:
    provider = await connect(services, owner, vendor_url)
    await add(services, owner, provider, "good")
    share_id = await _share(services, owner, provider, _with(other_actor))
    assert await ask(services.models, other_actor, "mine/good")

    with acting.as_user(owner.user_id):
        async with services.db.transaction() as session:
            await sharing.unshare(
                session, owner, PROVIDERS, object_id=provider.id, share_id=share_id
            )

    with pytest.raises(ModelMissing):
        await ask(services.models, other_actor, "mine/good")
    assert await _listed(services, other_actor) == []


async def test_administrator_with_whom_it_is_shared_changes_and_shares_nothing(
    services: Services, actor: Actor, owner: Actor, vendor_url: str
) -> None:
    provider = await connect(services, owner, vendor_url)
    await _share(services, owner, provider, _with(actor))

    with acting.as_user(actor.user_id):
        async with services.db.transaction() as session:
            with pytest.raises(Forbidden, match="somebody else"):
                await providers.set_enabled(
                    session, actor, provider_id=provider.id, is_enabled=False
                )
            with pytest.raises(Forbidden, match="somebody else"):
                await model_use.share_with_all(
                    session, actor, provider_id=provider.id, is_shared=True
                )
            with pytest.raises(Forbidden, match="somebody else"):
                await model_use.delete_provider(session, actor, provider_id=provider.id)
            with pytest.raises(Forbidden, match="somebody else"):
                await sharing.list_shares(
                    session, actor, PROVIDERS, object_id=provider.id
                )


async def test_key_of_another_administrator_is_shared_with_nobody(
    services: Services, actor: Actor, owner: Actor, other_actor: Actor, vendor_url: str
) -> None:
    provider = await connect(services, owner, vendor_url, is_shared=True)

    with pytest.raises(Forbidden, match="it is their key"):
        await _share(services, actor, provider, _with(other_actor))


async def test_nobody_puts_theirs_in_the_place_of_another_ones(
    services: Services, actor: Actor, owner: Actor, rows: RowFactory, vendor_url: str
) -> None:
    victim = await rows.user()
    false = await connect(services, owner, vendor_url, label="False")
    await add(services, owner, false, "good")
    await _share(services, owner, false, _with(victim))
    assert (await services.models.find(victim, "mine/good")).provider_id == false.id

    true = await connect(services, actor, vendor_url, label="True", is_shared=True)
    await add(services, actor, true, "good")

    assert (await services.models.find(victim, "mine/good")).provider_id == true.id
    behind = {one.label: one.is_behind for one in await _listed(services, victim)}
    assert behind == {"False": True, "True": False}
    names = [one.name for one in await services.models.list(victim) if one.id]
    assert names == ["mine/good"]


async def test_one_that_people_use_is_not_deleted_and_they_are_counted(
    services: Services,
    owner: Actor,
    other_actor: Actor,
    rows: RowFactory,
    vendor_url: str,
) -> None:
    provider = await connect(services, owner, vendor_url)
    await _share(services, owner, provider, _with(other_actor))
    stranger = await rows.user()
    await rows.agent(other_actor, model="mine/good")
    await rows.agent(stranger, model="mine/good")

    with acting.as_user(owner.user_id):
        async with services.db.transaction() as session:
            with pytest.raises(Conflict, match="1 of other people"):
                await model_use.delete_provider(session, owner, provider_id=provider.id)


@pytest.mark.parametrize("is_for_all", [True, False])
async def test_one_that_people_do_not_ask_is_deleted(
    services: Services,
    actor: Actor,
    owner: Actor,
    other_actor: Actor,
    rows: RowFactory,
    vendor_url: str,
    is_for_all: bool,
) -> None:
    first = await connect(services, actor, vendor_url, is_shared=is_for_all)
    second = await connect(services, owner, vendor_url)
    for sharer, provider in ((actor, first), (owner, second)):
        await _share(services, sharer, provider, _with(other_actor))
    await rows.agent(other_actor, model="mine/good")

    with acting.as_user(actor.user_id):
        async with services.db.transaction() as session:
            with pytest.raises(Conflict, match="1 of other people"):
                await model_use.delete_provider(session, actor, provider_id=first.id)
    with acting.as_user(owner.user_id):
        async with services.db.transaction() as session:
            await model_use.delete_provider(session, owner, provider_id=second.id)


async def test_ones_own_agent_keeps_it_beside_the_installations(
    services: Services, actor: Actor, owner: Actor, rows: RowFactory, vendor_url: str
) -> None:
    await connect(services, actor, vendor_url, is_shared=True)
    own = await connect(services, owner, vendor_url)
    await rows.agent(owner, model="mine/good", name="Mine")

    with acting.as_user(owner.user_id):
        async with services.db.transaction() as session:
            with pytest.raises(Conflict, match="the agent 'Mine'"):
                await model_use.delete_provider(session, owner, provider_id=own.id)


async def test_one_whose_vectors_collections_have_is_not_taken_away(
    services: Services,
    owner: Actor,
    other_actor: Actor,
    rows: RowFactory,
    vendor_url: str,
) -> None:
    provider = await connect(services, owner, vendor_url, is_shared=True)
    model = await add(services, owner, provider, "vectors", kind="embedding")
    await rows.collection(owner, name="Pumps", embedding_model="mine/vectors")
    await rows.collection(other_actor, embedding_model="mine/vectors")
    await rows.collection(other_actor, embedding_model="mine")

    used = "used by the collection 'Pumps', 1 of other people"
    with acting.as_user(owner.user_id):
        async with services.db.transaction() as session:
            with pytest.raises(Conflict, match=used):
                await model_use.delete_model(session, owner, model_id=model.id)
            with pytest.raises(Conflict, match=used):
                await model_use.delete_provider(session, owner, provider_id=provider.id)
            with pytest.raises(Conflict, match="used by 1 of other people"):
                await model_use.share_with_all(
                    session, owner, provider_id=provider.id, is_shared=False
                )


async def test_those_who_keep_it_do_not_keep_it_for_everybody(
    services: Services,
    owner: Actor,
    other_actor: Actor,
    rows: RowFactory,
    vendor_url: str,
) -> None:
    provider = await connect(services, owner, vendor_url, is_shared=True)
    await _share(services, owner, provider, _with(other_actor))
    await rows.agent(other_actor, model="mine/good")

    with acting.as_user(owner.user_id):
        async with services.db.transaction() as session:
            view = await model_use.share_with_all(
                session, owner, provider_id=provider.id, is_shared=False
            )

    assert not view.is_shared
    (seen,) = await _listed(services, other_actor)
    assert seen.owner_name == owner.email


async def test_level_that_means_nothing_here_is_refused(
    services: Services, owner: Actor, other_actor: Actor, vendor_url: str
) -> None:
    provider = await connect(services, owner, vendor_url)

    with pytest.raises(Invalid, match="Choose from run"):
        await _share(
            services,
            owner,
            provider,
            ShareDraft(email=other_actor.email, level=Level.EDIT),
        )


async def test_user_shares_their_own_with_people_and_not_with_everybody(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    provider = await connect(services, other_actor, "https://models.example.org/v1")
    await _share(services, other_actor, provider, _with(actor))

    with acting.as_user(other_actor.user_id):
        async with services.db.transaction() as session:
            with pytest.raises(Forbidden, match="Only an administrator"):
                await model_use.share_with_all(
                    session, other_actor, provider_id=provider.id, is_shared=True
                )
    with acting.as_user(actor.user_id):
        async with services.db.transaction() as session:
            with pytest.raises(NotFound):
                await sharing.list_shares(
                    session, actor, PROVIDERS, object_id=actor.user_id
                )
