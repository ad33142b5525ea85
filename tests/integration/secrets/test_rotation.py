"""Keys are rotated while everything goes on; whoever is killed in the middle leaves all readable."""

import asyncio
import random
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlmodel import col, select

from app.backend import bootstrap
from app.backend.agents import service as agents
from app.backend.bootstrap import Services
from app.backend.core import acting, crypto
from app.backend.core.actor import Actor, Role
from app.backend.core.db import Database
from app.backend.core.errors import Conflict
from app.backend.core.fault_points import FaultPoint, FaultPoints
from app.backend.core.master_keys import KEY_FILE, MasterKeyMissing, new_key
from app.backend.core.sealing import DataKeyRow, add_data_key
from app.backend.core.settings import Settings
from app.backend.identity.tables import AuditRow
from app.backend.secrets import service
from app.backend.secrets.rotation import NoMasterKey, Rotation
from app.backend.secrets.schemas import SecretDraft
from app.backend.secrets.tables import SecretRow
from tests.factories.rows import RowFactory
from tests.parts import wait_until
from tests.processes import ForkServer

KILLS = 10  # of each of the two rotations
SECRETS = 5
MODULE = "tests.integration.secrets.rotating"


@pytest.fixture
def keyed(settings: Settings) -> Settings:
    """Settings of an installation whose keys lie in its folder."""
    return settings.model_copy(update={"secret_key": None, "fault_points": True})


@pytest.fixture
async def parts(keyed: Settings) -> AsyncGenerator[Services, None]:
    """The parts of that installation."""
    async with bootstrap.build(keyed) as built:
        yield built


@pytest.fixture
async def people(parts: Services) -> list[Actor]:
    """An administrator and two users, each with secrets and with a key that an earlier version encrypted."""
    rows = RowFactory(parts.db)
    earlier = Fernet(parts.keyring.fernet_key("agents.remote_key"))
    made = [await rows.user(role=role) for role in (Role.ADMIN, Role.USER, Role.USER)]
    for person in made:
        for number in range(SECRETS):
            value = SecretStr(f"canary {number} {person.email}")
            draft = SecretDraft(name=f"s{number}", value=value)
            async with parts.db.transaction() as session:
                await service.set_secret(
                    session, person, draft=draft, keyring=parts.keyring
                )
        key = earlier.encrypt(f"key of {person.email}".encode()).decode()
        await rows.agent(person, name="Far", remote_key=key)
    return made


async def _assert_readable(parts: Services, people: list[Actor]) -> None:
    for person in people:
        async with parts.db.transaction() as session:
            for number in range(SECRETS):
                found = await service.resolve(
                    session, person, f"db:s{number}", parts=parts
                )
                assert found.get_secret_value() == f"canary {number} {person.email}"
            (agent,) = await agents.list_named(session, person, name="Far")
            spec = await agents.get_spec(
                session, person, agent_id=agent.id, keyring=parts.keyring
            )
            assert spec.remote_key is not None
            assert spec.remote_key.get_secret_value() == f"key of {person.email}"


async def _data_keys(parts: Services) -> list[DataKeyRow]:
    async with parts.db.read() as session:
        return list((await session.exec(select(DataKeyRow))).all())


async def _count_noted(parts: Services, action: str) -> int:
    query = select(AuditRow).where(col(AuditRow.action) == action)
    async with parts.db.read() as session:
        return len((await session.exec(query)).all())


def _rotate(
    fork_server: ForkServer, settings: Settings, *command: str, passes: int | None
) -> bool:
    """Rotate in a process of its own, which dies at a point after `passes`; tells whether it did."""
    points = FaultPoints(settings.data_dir)
    if passes is not None:
        points.arm(FaultPoint.KEY_ROTATED, passes=passes)
    fork = fork_server.start(MODULE, settings, *command, "--wait", "0")
    wait_until(lambda: not fork.is_running(), seconds=20, what="The rotation ends")
    is_killed = passes is not None and not points.is_armed(FaultPoint.KEY_ROTATED)
    assert is_killed or "key" in fork.read_log(), fork.read_log()
    (settings.data_dir / "fault_points" / FaultPoint.KEY_ROTATED).unlink(
        missing_ok=True
    )
    return is_killed


@pytest.mark.timeout(150)
async def test_killed_rotations_leave_all_readable_and_end_with_one_key(
    parts: Services, keyed: Settings, people: list[Actor], fork_server: ForkServer
) -> None:
    chance = random.Random(15)
    first = (keyed.data_dir / KEY_FILE).read_text()
    for command in (["rotate-master"], ["rotate-user", people[1].email]):
        kills = 0
        while kills < KILLS:
            passes = chance.randrange(6)
            kills += _rotate(fork_server, keyed, *command, passes=passes)
            await _assert_readable(parts, people)
        assert not _rotate(fork_server, keyed, *command, passes=None)
        await _assert_readable(parts, people)

    masters = parts.keyring.masters
    keys = await _data_keys(parts)
    assert len((keyed.data_dir / KEY_FILE).read_text().split()) == 1
    assert (keyed.data_dir / KEY_FILE).read_text() != first
    assert all(masters.is_newest(row.wrapped) for row in keys)
    assert len(keys) == len({row.owner_id for row in keys}) == len(people)
    assert await _count_noted(parts, "master_key_rotated") >= 1
    assert await _count_noted(parts, "user_key_rotated") >= 1


async def test_two_rotations_of_the_master_key_do_not_run_at_once(
    parts: Services, people: list[Actor]
) -> None:
    masters = parts.keyring.masters
    before = masters.keys
    rotation = Rotation(parts.db, parts.keyring, people[0], grace_seconds=0)

    with (
        masters.rotating(),
        pytest.raises(Conflict, match="Wait until it has ended"),
    ):
        await rotation.rotate_master()

    assert masters.keys == before
    assert await rotation.rotate_master() == len(people)


async def test_rotation_forgets_no_master_key_when_there_is_a_newer_one(
    parts: Services, people: list[Actor]
) -> None:
    masters = parts.keyring.masters
    passes = 0

    def add_newer(_: FaultPoint) -> None:
        nonlocal passes
        passes += 1
        if passes == 3:  # all are wrapped with the one of this rotation
            masters.add_to_file()

    rotation = Rotation(parts.db, parts.keyring, people[0], 0, add_newer)
    with pytest.raises(Conflict, match="newer master key"):
        await rotation.rotate_master()

    await _assert_readable(parts, people)
    await Rotation(parts.db, parts.keyring, people[0], 0).rotate_master()
    assert len(masters.path.read_text().split() if masters.path else []) == 1
    await _assert_readable(parts, people)


async def test_rotation_of_a_user_seals_everything_anew_and_touches_nobody_else(
    parts: Services, people: list[Actor]
) -> None:
    before = {row.owner_id: row.id for row in await _data_keys(parts)}

    rotation = Rotation(parts.db, parts.keyring, people[0], grace_seconds=0)
    count = await rotation.rotate_user(people[1].user_id)

    after = {row.owner_id: row.id for row in await _data_keys(parts)}
    changed = {owner for owner in before if before[owner] != after[owner]}
    assert (count, changed) == (SECRETS + 1, {people[1].user_id})
    await _assert_readable(parts, people)
    async with parts.db.read() as session:
        query = select(SecretRow.value).where(
            col(SecretRow.owner_id) == people[1].user_id
        )
        sealed = (await session.exec(query)).all()
    assert all(after[people[1].user_id].hex in text for text in sealed)


@pytest.mark.parametrize("passes", [1, 3], ids=["before sealing", "before the end"])
async def test_rotation_of_a_user_ends_when_there_is_a_newer_key(
    parts: Services, keyed: Settings, people: list[Actor], passes: int
) -> None:
    user_id, waiting = people[1].user_id, passes

    async def add_key() -> None:
        db = Database(keyed.sql_url)
        with acting.as_system():
            async with db.transaction() as session:
                await add_data_key(session, parts.keyring, owner_id=user_id, number=99)
        await db.close()

    def add_newer(_: FaultPoint) -> None:
        nonlocal waiting
        waiting -= 1
        if waiting == 0:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(asyncio.run, add_key()).result()

    rotation = Rotation(parts.db, parts.keyring, people[0], 0, add_newer)
    with pytest.raises(Conflict, match="newer key"):
        await rotation.rotate_user(user_id)

    await _assert_readable(parts, people)
    await Rotation(parts.db, parts.keyring, people[0], 0).rotate_user(user_id)
    await _assert_readable(parts, people)
    assert len(await _data_keys(parts)) == len(people)


async def test_key_of_the_setting_is_rotated_by_putting_the_new_one_in_front(
    parts: Services, people: list[Actor], keyed: Settings
) -> None:
    old, new = (keyed.data_dir / KEY_FILE).read_text(), new_key()

    def with_keys(*keys: str) -> crypto.Keyring:
        value = SecretStr(",".join(keys))
        return crypto.load_keyring(
            keyed.model_copy(update={"field_encryption_key": value})
        )

    rotation = Rotation(parts.db, with_keys(new, old), people[0], grace_seconds=0)
    count = await rotation.rotate_master()

    alone = with_keys(new).masters
    assert count == len(people)
    assert all(alone.unwrap(row.wrapped) for row in await _data_keys(parts))
    with pytest.raises(MasterKeyMissing):
        parts.keyring.masters.unwrap((await _data_keys(parts))[0].wrapped)


async def test_derived_master_key_is_not_rotated_and_says_what_to_do(
    services: Services, actor: Actor
) -> None:
    with pytest.raises(NoMasterKey, match="ATELIER_FIELD_ENCRYPTION_KEY"):
        await Rotation(services.db, services.keyring, actor).rotate_master()
