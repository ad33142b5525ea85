"""PostgreSQL's own wall: policies that hold whatever a query of the platform forgets to ask.

The attacks are raw SQL with the platform's role, generated from the metadata. On the other stack the same server is started
for this file: the wall is of PostgreSQL alone.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, Table, create_engine, insert, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlmodel import col, select

from app.backend.core import acting, ids, roles
from app.backend.core.db import Database, Session, savepoint
from app.backend.core.roles import RoleMissing
from app.backend.core.settings import Settings
from app.backend.tables import metadata
from app.backend.tools.tables import NoteRow
from app.cli import doctor
from tests.integration.core.whole_rows import OWNED, add_people, make_row
from tests.stack import APP_ROLE, Stack, changed, start_stack

# With a policy PostgreSQL could not use the index of the words; what they find is read from `run`, which has one.
OPEN = {"run_text"}
GUARDED = [table for table in OWNED if table.name not in OPEN]
OF_LOGINS = {
    "api_key",
    "audit",
    "linked_login",
    "recovery_code",
    "refresh_token",
    "second_factor",
    "session",
}
ANNA, BEN, CARL = ids.new_id(), ids.new_id(), ids.new_id()
# What a row of each table of shares shows.
SHOWN = {
    "agent_share": ("agent",),
    "collection_share": ("collection", "document", "chunk"),
    "provider_share": ("provider", "model"),
}


class Wall(NamedTuple):
    """A database in which three people have a row in every table, and how its roles reach it."""

    settings: Settings
    app: Engine
    owner: Engine


@pytest.fixture(scope="module")
def postgres(stack: Stack) -> Iterator[Stack]:
    """A stack with PostgreSQL."""
    if stack.kind == "postgres":
        yield stack
        return
    with start_stack("postgres") as started:
        yield started


@pytest.fixture(scope="module")
def wall(postgres: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wall]:
    """That database; no test leaves anything in it."""
    with postgres.make_installation(tmp_path_factory.mktemp("wall")) as settings:
        app = create_engine(settings.sql_url)
        owner = create_engine(settings.migration_sql_url)
        with app.begin() as connection:
            _name(connection, work="system")
            add_people(connection, [ANNA, BEN, CARL])
        yield Wall(settings, app, owner)
        app.dispose()
        owner.dispose()


@contextmanager
def _tried(engine: Engine, **who: Any) -> Generator[Connection, None, None]:
    with engine.connect() as connection, connection.begin() as transaction:
        _name(connection, **who)
        yield connection
        transaction.rollback()


def _name(
    connection: Connection, actor: UUID | None = None, work: str | None = None
) -> None:
    for key, value in (("actor", actor), ("work", work)):
        if value is not None:
            query = text("SELECT set_config(:key, :value, true)")
            connection.execute(query, {"key": f"atelier.{key}", "value": str(value)})


def _seen(connection: Connection, table: Table) -> set[UUID | None]:
    return set(connection.scalars(text(f'SELECT owner_id FROM "{table.name}"')))


def _touched(connection: Connection, statement: str) -> int:
    return connection.execute(text(statement)).rowcount


def _is_refused(connection: Connection, work: Callable[[], object]) -> bool:
    try:
        with connection.begin_nested():
            work()
    except (ProgrammingError, IntegrityError) as error:
        return "row-level security" in str(error)
    return False


def holes(connection: Connection, table: Table) -> list[str]:
    """Return what Ben, in whose name `connection` is, can do with what is not his, or cannot with what is."""
    name, anna = f'"{table.name}"', f"owner_id = '{ANNA}'"
    found: list[str] = []
    if _seen(connection, table) != {BEN}:
        found.append("shows the wrong rows")
    if _touched(connection, f"UPDATE {name} SET owner_id = owner_id WHERE {anna}"):
        found.append("changes")
    if _touched(connection, f"DELETE FROM {name} WHERE {anna}"):
        found.append("deletes")
    query = insert(table).values(make_row(table, _Any(), ANNA, 9))
    if not _is_refused(connection, lambda: connection.execute(query)):
        found.append("adds")
    gift = text(f"UPDATE {name} SET owner_id = '{ANNA}' WHERE owner_id = '{BEN}'")
    if not _is_refused(connection, lambda: connection.execute(gift)):
        found.append("gives away")
    return found


class _Any(dict[str, Any]):
    """Rows that nobody looks for: policies are asked before keys are."""

    def __missing__(self, key: str) -> dict[str, Any]:
        return {"id": ids.new_id()}


@pytest.mark.parametrize("table", GUARDED, ids=lambda table: table.name)
def test_user_reaches_own_rows_and_nobody_elses(wall: Wall, table: Table) -> None:
    with _tried(wall.app, actor=BEN) as connection:
        assert holes(connection, table) == []


@pytest.mark.parametrize("table", GUARDED, ids=lambda table: table.name)
def test_nobody_sees_nothing_and_adds_nothing(wall: Wall, table: Table) -> None:
    with _tried(wall.app) as connection:
        assert _seen(connection, table) == set()
        query = insert(table).values(make_row(table, _Any(), ANNA, 9))
        assert _is_refused(connection, lambda: connection.execute(query))


@pytest.mark.parametrize("table", GUARDED, ids=lambda table: table.name)
def test_role_that_owns_the_tables_is_shown_no_more(wall: Wall, table: Table) -> None:
    with _tried(wall.owner) as connection:
        assert _seen(connection, table) == set()
    with _tried(wall.owner, actor=BEN) as connection:
        assert _seen(connection, table) == {BEN}


def test_system_sees_every_row_and_the_gate_those_of_logins(wall: Wall) -> None:
    with _tried(wall.app, work="system") as connection:
        system = {table.name for table in GUARDED if len(_seen(connection, table)) == 3}
    with _tried(wall.app, work="gate") as connection:
        gate = {table.name for table in GUARDED if len(_seen(connection, table)) == 3}
        none = {table.name for table in GUARDED if not _seen(connection, table)}

    assert system == {table.name for table in GUARDED}
    assert gate == OF_LOGINS
    assert none == system - gate


@pytest.mark.parametrize(
    ("change", "hole"),
    [
        ("ALTER TABLE note DISABLE ROW LEVEL SECURITY", "shows the wrong rows"),
        ("DROP POLICY whose ON note", "shows the wrong rows"),
        ("ALTER POLICY whose ON note USING (true)", "changes"),
        ("CREATE POLICY open ON note FOR SELECT USING (true)", "shows the wrong rows"),
        ("ALTER POLICY whose ON note WITH CHECK (true)", "adds"),
    ],
)
def test_policy_that_is_lost_or_weaker_is_noticed(
    wall: Wall, change: str, hole: str
) -> None:
    with wall.owner.connect() as connection, connection.begin() as transaction:
        connection.execute(text(change))
        _name(connection, actor=BEN)
        assert hole in holes(connection, metadata.tables["note"])
        transaction.rollback()


def test_share_shows_a_thing_and_its_parts_to_those_it_names_only(
    wall: Wall,
) -> None:
    with _tried(wall.app, work="system") as connection:
        for share, shown in SHOWN.items():
            query = f"UPDATE {share} SET user_id = '{BEN}', group_id = NULL WHERE owner_id = '{ANNA}'"
            assert _touched(connection, query) == 1
            _expect(connection, [share, *shown], BEN, {ANNA, BEN})
            _expect(connection, [share, *shown], CARL, {CARL})
            for table in shown:
                query = (
                    f"UPDATE {table} SET owner_id = owner_id WHERE owner_id = '{ANNA}'"
                )
                _name(connection, actor=BEN, work="")
                assert _touched(connection, query) == 0
            _name(connection, work="system")


def test_share_with_a_group_shows_a_thing_to_its_people_only(wall: Wall) -> None:
    with _tried(wall.app, work="system") as connection:
        group = f"(SELECT group_id FROM group_member WHERE user_id = '{BEN}')"
        for kind in ("agent", "provider"):
            query = f"UPDATE {kind}_share SET user_id = NULL, group_id = {group} WHERE owner_id = '{ANNA}'"
            assert _touched(connection, query) == 1
            _expect(connection, [f"{kind}_share", kind], BEN, {ANNA, BEN})
            _expect(connection, [f"{kind}_share", kind], CARL, {CARL})


@pytest.mark.parametrize(("share", "shown"), SHOWN.items(), ids=SHOWN)
@pytest.mark.parametrize("whom", ["user_id", "group_id"])
def test_share_of_what_is_somebody_elses_shows_nothing(
    wall: Wall, share: str, shown: tuple[str, ...], whom: str
) -> None:
    group = f"(SELECT group_id FROM group_member WHERE user_id = '{BEN}')"
    me = f"'{BEN}'" if whom == "user_id" else group
    with _tried(wall.app, work="system") as connection:
        foreign = f"(SELECT id FROM {shown[0]} WHERE owner_id = '{ANNA}')"
        object_id = connection.scalar(text(f"SELECT {foreign}"))
        _name(connection, actor=BEN, work="")
        query = f"UPDATE {share} SET object_id = '{object_id}', {whom} = {me} WHERE owner_id = '{BEN}'"
        assert _touched(connection, query) == 1
        _expect(connection, [*shown], BEN, {BEN})


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ("UPDATE agent SET is_public = true", ["agent"]),
        ("UPDATE provider SET is_shared = true", ["provider", "model"]),
        ("UPDATE budget SET owner_id = NULL, tier_id = NULL", ["budget"]),
    ],
)
def test_what_is_for_everybody_is_shown_to_everybody(
    wall: Wall, change: str, shown: list[str]
) -> None:
    with _tried(wall.app, work="system") as connection:
        assert _touched(connection, f"{change} WHERE owner_id = '{ANNA}'") == 1
        # What nobody owns is the installation's.
        owner = None if "owner_id = NULL" in change else ANNA
        _expect(connection, shown, CARL, {owner, CARL})


def _expect(
    connection: Connection, tables: list[str], who: UUID, owners: set[UUID | None]
) -> None:
    _name(connection, actor=who, work="")
    seen = {name: _seen(connection, metadata.tables[name]) for name in tables}
    _name(connection, work="system")
    assert seen == dict.fromkeys(tables, owners)


def test_middlewares_are_seen_with_their_models(wall: Wall) -> None:
    for role in (wall.app, wall.owner):
        with _tried(role) as connection:
            assert _models(connection) == set()
    with _tried(wall.app, work="system") as connection:
        others = _models(connection)
        assert len(others) == 3
        _name(connection, actor=BEN, work="")
        (own,) = _models(connection)
        query = f"UPDATE model_middleware SET priority = 1 WHERE model_id <> '{own}'"
        assert _touched(connection, query) == 0
        foreign = min(others - {own})
        query = text(f"UPDATE model_middleware SET model_id = '{foreign}'")
        assert _is_refused(connection, lambda: connection.execute(query))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE provider_share SET user_id = '{ben}', group_id = NULL",
        "UPDATE provider SET is_shared = true",
    ],
)
def test_middlewares_of_a_shared_model_are_changed_by_its_owner_only(
    wall: Wall, change: str
) -> None:
    with _tried(wall.app, work="system") as connection:
        shared = f"{change.format(ben=BEN)} WHERE owner_id = '{ANNA}'"
        assert _touched(connection, shared) == 1
        query = text(f"SELECT id FROM model WHERE owner_id = '{ANNA}'")
        foreign = connection.scalar(query)
        of_it = f"WHERE model_id = '{foreign}'"
        _name(connection, actor=BEN, work="")
        assert foreign in _models(connection)
        update = f"UPDATE model_middleware SET priority = 2 {of_it}"
        assert _touched(connection, update) == 0
        assert _touched(connection, f"DELETE FROM model_middleware {of_it}") == 0
        move = text(f"UPDATE model_middleware SET model_id = '{foreign}'")
        assert _is_refused(connection, lambda: connection.execute(move))
        _name(connection, actor=ANNA, work="")
        assert _touched(connection, update) == 1


def _models(connection: Connection) -> set[UUID]:
    return set(connection.scalars(text("SELECT model_id FROM model_middleware")))


async def test_transaction_is_in_the_name_of_whoever_acts_at_each_statement(
    wall: Wall,
) -> None:
    db, whose = Database(wall.settings.sql_url), select(NoteRow.owner_id)
    with acting.as_nobody():
        async with db.transaction() as session:
            assert (await session.exec(whose)).all() == []
            with acting.as_user(ANNA):
                assert (await session.exec(whose)).all() == [ANNA]
                with acting.as_user(BEN):
                    assert (await session.exec(whose)).all() == [BEN]
                assert (await session.exec(whose)).all() == [ANNA]
            assert (await session.exec(whose)).all() == []
        with acting.as_user(BEN):
            assert db.read_now(lambda one: one.scalars(whose).all()) == [BEN]
            assert await db.write(lambda one: one.scalars(whose).all()) == [BEN]
        assert db.read_now(lambda one: one.scalars(whose).all()) == []
    await db.close()


async def test_name_is_said_again_after_a_savepoint_was_rolled_back(wall: Wall) -> None:
    db, whose = Database(wall.settings.sql_url), select(NoteRow.owner_id)
    with acting.as_user(ANNA):
        async with db.transaction() as session:
            assert (await session.exec(whose)).all() == [ANNA]
            with pytest.raises(OSError, match="undone"):
                await _look_and_undo(session)
            assert (await session.exec(whose)).all() == [ANNA]
            query = select(NoteRow.id).where(col(NoteRow.owner_id) == BEN)
            assert (await session.exec(query)).all() == []
    await db.close()


async def _look_and_undo(session: Session) -> None:
    with acting.as_user(BEN):
        async with savepoint(session):
            found = (await session.exec(select(NoteRow.owner_id))).all()
            message = "undone" if found == [BEN] else "another one's"
            raise OSError(message)


async def test_doctor_warns_of_a_role_that_sees_everything(wall: Wall) -> None:
    db = Database(wall.settings.sql_url)
    mighty = Database(wall.settings.sql_url.replace(f"//{APP_ROLE}@", "//postgres@"))

    fine, wrong = await doctor.look_at_role(db), await doctor.look_at_role(mighty)
    await db.close()
    await mighty.close()

    assert (fine.status, fine.message) == ("ok", "")
    assert wrong.status == "degraded"
    assert "'postgres'" in wrong.message


async def test_migration_says_which_role_is_missing(wall: Wall, tmp_path: Path) -> None:
    url = wall.settings.database_url
    settings = changed(
        wall.settings,
        data_dir=tmp_path,
        database_url=url.replace(f"//{APP_ROLE}@", "//somebody@"),
        migration_database_url=url,
    )
    db = Database(settings.migration_sql_url)

    with pytest.raises(RoleMissing, match="'somebody'"):
        await roles.admit(db, settings.database_url)
    await db.close()
