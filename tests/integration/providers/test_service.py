"""Providers as rows: whose they are, who may do what, and that their keys stay where secrets are."""

from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import select

from app.backend.bootstrap import Services
from app.backend.budgets import model_use
from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.backend.identity.tables import AuditRow
from app.backend.providers import service as providers
from app.backend.providers.schemas import ProviderDraft, ProviderView
from app.backend.providers.tables import ProviderRow
from app.backend.secrets import service as secrets
from app.backend.secrets.schemas import SecretDraft
from tests.factories.rows import MakeUser, RowFactory

KEY = "canary-of-the-providers"
_OF_PROVIDERS = frozenset({Permission.ADD_PROVIDER, Permission.CHANGE_PROVIDER})


def draft_of(**fields: Any) -> ProviderDraft:
    given: dict[str, Any] = {"type": "openai", "name": "mine", "api_key": KEY, **fields}
    return ProviderDraft.model_validate(given)


async def connect(services: Services, actor: Actor, **fields: Any) -> ProviderView:
    async with services.db.transaction() as session:
        return await providers.create_provider(
            session, actor, draft=draft_of(**fields), parts=services
        )


async def change(
    services: Services, actor: Actor, view: ProviderView, **fields: Any
) -> ProviderView:
    given = {"settings": view.settings, "api_key": None, **fields}
    async with services.db.transaction() as session:
        return await model_use.update_provider(
            session,
            actor,
            provider_id=view.id,
            draft=draft_of(type=view.type, name=view.name, **given),
            parts=services,
        )


async def delete(services: Services, actor: Actor, view: ProviderView) -> None:
    async with services.db.transaction() as session:
        await model_use.delete_provider(session, actor, provider_id=view.id)


async def listed(services: Services, actor: Actor) -> list[ProviderView]:
    async with services.db.read() as session:
        return await providers.list_providers(session, actor)


async def all_rows(services: Services) -> str:
    async with services.db.read() as session:
        rows = [
            *(await session.exec(select(ProviderRow))).all(),
            *(await session.exec(select(AuditRow))).all(),
        ]
    return str([row.model_dump() for row in rows])


async def test_key_is_kept_as_a_secret_of_its_owner(
    services: Services, actor: Actor
) -> None:
    view = await connect(services, actor)

    assert (view.secret_ref, view.has_key) == ("db:provider-mine", True)
    assert view.settings == {"base_url": "https://api.openai.com/v1"}
    assert KEY not in view.model_dump_json() + await all_rows(services)
    async with services.db.transaction() as session:
        key = await secrets.resolve(session, actor, view.secret_ref, parts=services)
    assert key.get_secret_value() == KEY


async def test_change_without_a_key_keeps_it_and_raises_the_version(
    services: Services, actor: Actor
) -> None:
    view = await connect(services, actor)

    changed = await change(services, actor, view, label="Ours")

    assert (changed.label, changed.secret_ref) == ("Ours", view.secret_ref)
    async with services.db.read() as session:
        row = (await session.exec(select(ProviderRow))).one()
    assert row.version == 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"api_key": None}, "api_key"),
        ({"api_key": "short"}, "api_key"),
        ({"name": "local"}, "name"),
        ({"type": "nonsense"}, "type"),
        ({"settings": {"base_url": "nonsense"}}, "settings.base_url"),
        ({"settings": {"base_url": "https://a:b@x.org"}}, "settings.base_url"),
        ({"settings": {"colour": "red"}}, "settings.colour"),
        ({"type": "azure"}, "settings.base_url"),
        ({"secret_ref": "nonsense", "api_key": None}, "secret"),
    ],
)
async def test_wrong_field_says_which(
    services: Services, actor: Actor, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as raised:
        await connect(services, actor, **fields)

    assert list(raised.value.details) == [field]


async def test_name_is_taken_once(services: Services, actor: Actor) -> None:
    await connect(services, actor)

    with pytest.raises(Invalid, match="already"):
        await connect(services, actor)


async def test_provider_of_somebody_else_is_not_there(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    view = await connect(services, actor)

    assert await listed(services, other_actor) == []
    with pytest.raises(NotFound):
        await change(services, other_actor, view, label="x")


async def test_shared_one_is_used_by_all_and_changed_by_administrators(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    view = await connect(services, actor, is_shared=True)

    (seen,) = await listed(services, other_actor)
    assert (seen.settings, seen.secret_ref, seen.may_change) == ({}, "", False)
    with pytest.raises(Forbidden):
        await change(services, other_actor, view, label="x")
    with pytest.raises(Invalid, match="Only an administrator"):
        await connect(services, other_actor, is_shared=True)


async def test_administrator_moves_no_key_of_another_one(
    services: Services, actor: Actor
) -> None:
    view = await connect(services, actor, is_shared=True)
    second = await RowFactory(services.db).user(role=Role.ADMIN)

    await change(services, second, view, label="Ours", is_shared=True)
    elsewhere = {"base_url": "https://elsewhere.example.org/v1"}
    for stolen in ({"settings": elsewhere}, {"api_key": "another-key-of-tests"}):
        with pytest.raises(Conflict, match="secret of the administrator"):
            await change(services, second, view, is_shared=True, **stolen)


async def test_key_stays_where_it_is_unless_it_is_entered_again(
    services: Services, actor: Actor
) -> None:
    view = await connect(services, actor)
    elsewhere = {"base_url": "https://elsewhere.example.org/v1"}

    with pytest.raises(Invalid, match="Enter the key again"):
        await change(services, actor, view, settings=elsewhere)

    assert (await listed(services, actor))[0].settings == view.settings
    moved = await change(services, actor, view, settings=elsewhere, api_key=KEY)
    assert moved.settings == elsewhere


async def test_api_key_that_may_not_read_secrets_names_none(
    services: Services, actor: Actor
) -> None:
    view = await connect(services, actor)
    limits = {"api_key_id": uuid4(), "permissions": _OF_PROVIDERS}
    limited = actor.model_copy(update=limits)

    with pytest.raises(Forbidden, match="change_secret"):
        await change(services, limited, view, secret_ref="db:another")
    with pytest.raises(Forbidden, match="change_secret"):
        await connect(
            services, limited, name="new", api_key=None, secret_ref="db:provider-mine"
        )


async def test_change_that_does_not_say_so_neither_switches_on_nor_unshares(
    services: Services, actor: Actor
) -> None:
    view = await connect(services, actor, is_shared=True)
    assert view.is_enabled
    await change(services, actor, view, is_enabled=False)

    changed = await change(services, actor, view, label="Ours")

    assert (changed.is_enabled, changed.is_shared) == (False, True)


async def test_shared_one_that_others_use_stays_shared(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    rows = RowFactory(services.db)
    view = await connect(services, actor, is_shared=True)
    await rows.agent(actor, model="mine/gpt-4o")
    agent = await rows.agent(other_actor, model="mine/gpt-4o")

    with pytest.raises(Conflict, match="1 of other people"):
        await change(services, actor, view, is_shared=False)
    async with services.db.transaction() as session:
        await session.delete(await session.merge(agent))

    assert not (await change(services, actor, view, is_shared=False)).is_shared


async def test_only_an_administrator_moves_the_provider_of_an_administrator(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    view = await connect(
        services,
        actor,
        type="ollama",
        settings={"base_url": "https://models.example.org"},
        api_key=None,
        is_shared=True,
    )
    may = other_actor.permissions | {Permission.CHANGE_SYSTEM}
    trusted = other_actor.model_copy(update={"permissions": may})

    await change(services, trusted, view, label="Ours", is_shared=True)
    with pytest.raises(Forbidden, match="Only an administrator"):
        await change(
            services,
            trusted,
            view,
            settings={"base_url": "https://rebound.example.org"},
            is_shared=True,
        )


async def test_viewer_connects_nothing(services: Services) -> None:
    viewer = await RowFactory(services.db).user(role=Role.VIEWER)

    with pytest.raises(Forbidden):
        await connect(services, viewer)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:11434",
        "http://localhost:8080/v1",
        "http://10.0.0.1/v1",
        "http://169.254.169.254/latest",
        "http://[::1]/v1",
        "http://[::ffff:127.0.0.1]/v1",
    ],
)
async def test_private_address_is_for_administrators(
    services: Services, actor: Actor, other_actor: Actor, url: str
) -> None:
    fields: dict[str, Any] = {
        "type": "openai_compatible",
        "settings": {"base_url": url},
    }
    with pytest.raises(Invalid, match="private network"):
        await connect(services, other_actor, **fields)

    assert (await connect(services, actor, **fields)).settings["base_url"] == url


async def test_custom_code_is_for_administrators(
    services: Services, other_actor: Actor
) -> None:
    with pytest.raises(Forbidden, match="code of its own"):
        await connect(
            services, other_actor, type="custom", settings={"entry_point": "x"}
        )


async def test_used_one_is_not_deleted_and_its_agents_are_named(
    services: Services, actor: Actor
) -> None:
    rows = RowFactory(services.db)
    view = await connect(services, actor)
    agent = await rows.agent(actor, name="Clerk", model="mine/gpt-4o")

    with pytest.raises(Conflict, match="the agent 'Clerk'"):
        await delete(services, actor, view)
    async with services.db.transaction() as session:
        await session.delete(await session.merge(agent))
    await delete(services, actor, view)

    assert await listed(services, actor) == []
    async with services.db.read() as session:
        assert (await secrets.list_secrets(session, actor)).items == []


async def test_agents_with_a_provider_of_their_own_of_that_name_do_not_keep_it(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    rows = RowFactory(services.db)
    view = await connect(services, actor, is_shared=True)
    await rows.agent(other_actor, model="mine/gpt-4o")
    with pytest.raises(Conflict, match="1 of other people"):
        await delete(services, actor, view)

    await connect(services, other_actor)
    await delete(services, actor, view)

    assert await listed(services, actor) == []


async def test_provider_is_deleted_without_the_right_to_delete_its_key(
    services: Services, actor: Actor
) -> None:
    view = await connect(services, actor)
    may = actor.permissions - {Permission.DELETE_SECRET}

    await delete(services, actor.model_copy(update={"permissions": may}), view)

    assert await listed(services, actor) == []
    async with services.db.read() as session:
        (kept,) = (await secrets.list_secrets(session, actor)).items
    assert kept.name == "provider-mine"


async def test_agents_of_others_do_not_keep_what_is_only_called_like_theirs(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    view = await connect(services, actor)
    await connect(services, other_actor)
    await RowFactory(services.db).agent(other_actor, model="mine/gpt-4o")

    await delete(services, actor, view)

    assert await listed(services, actor) == []


async def test_deleting_a_shared_one_leaves_a_secret_of_that_name_alone(
    services: Services, actor: Actor, make_user: MakeUser
) -> None:
    view = await connect(services, actor, is_shared=True)
    other = await make_user(role="admin")
    draft = SecretDraft.model_validate({"name": "provider-mine", "value": KEY})
    async with services.db.transaction() as session:
        await secrets.set_secret(session, other, draft=draft, keyring=services.keyring)

    await delete(services, other, view)

    assert await listed(services, actor) == []
    async with services.db.read() as session:
        (kept,) = (await secrets.list_secrets(session, other)).items
    assert kept.name == "provider-mine"
