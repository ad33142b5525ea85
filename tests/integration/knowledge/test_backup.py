"""A backup brings an installation back: the same rows, the same originals, and documents that are found again."""

import json
import tarfile
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import update

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core import crypto
from app.backend.core.actor import Actor
from app.backend.core.master_keys import MasterKeys, new_key
from app.backend.core.settings import Settings
from app.backend.identity import audit_chain
from app.backend.knowledge import ingest
from app.backend.knowledge import service as knowledge
from app.backend.knowledge.parts import original_key
from app.backend.knowledge.schemas import DocumentStatus
from app.backend.knowledge.search import search
from app.backend.knowledge.tables import DocumentRow
from app.backend.secrets import service as secrets
from app.backend.secrets.schemas import SecretDraft
from app.cli import backup, claims, rows_dump
from app.cli.backup import BackupFailed
from app.cli.claims import CannotStart
from tests.factories.rows import MakeUser
from tests.integration.knowledge.conftest import AddDocument
from tests.stack import Stack, environment_of

TEXT = "# Pumps\n\nThe Kestrel pump is reset by holding the green button for nine seconds.\n"
QUESTION = "How is the Kestrel pump reset?"

Choose = Callable[[Settings], None]


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Choose:
    """Make the commands work on an installation whose key is in its folder."""

    def set_environment(settings: Settings) -> None:
        for name, value in environment_of(settings).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("ATELIER_SECRET_KEY")

    return set_environment


@pytest.fixture
async def other(
    stack: Stack, tmp_path: Path, parts: Services
) -> AsyncGenerator[Services, None]:
    """The parts of a second, empty installation."""
    with stack.make_installation(tmp_path / "other") as settings:
        async with bootstrap.build(settings) as services:
            yield replace(services, embedder=parts.embedder)


def _with_own_keys(services: Services) -> Services:
    """Return the parts with the keys that lie in their folder, as the commands here have them."""
    settings = services.settings.model_copy(update={"secret_key": None})
    return replace(services, keyring=crypto.load_keyring(settings))


async def test_restored_secrets_are_readable_and_the_audit_is_whole(
    parts: Services, other: Services, actor: Actor, choose: Choose, tmp_path: Path
) -> None:
    here, file = _with_own_keys(parts), tmp_path / "atelier.backup"
    draft = SecretDraft.model_validate({"name": "far", "value": "canary-value"})
    async with here.db.transaction() as session:
        await secrets.set_secret(session, actor, draft=draft, keyring=here.keyring)
    await audit_chain.chain_rows(here.db, here.keyring)
    choose(parts.settings)
    await backup.write_backup(file)
    choose(other.settings)

    # The second time there is a chained audit to be replaced.
    await backup.restore_backup(file, is_forced=False)
    await backup.restore_backup(file, is_forced=True)

    there = _with_own_keys(other)
    async with there.db.transaction() as session:
        found = await secrets.resolve(session, actor, "db:far", parts=there)
    check = await audit_chain.verify(there.db, actor, there.keyring)
    assert found.get_secret_value() == "canary-value"
    assert (check.is_whole, check.rows) == (True, 1)


async def test_backup_during_a_rotation_holds_the_keys_before_and_after(
    parts: Services, tmp_path: Path
) -> None:
    here, folder = _with_own_keys(parts).keyring.masters, tmp_path / "keys"
    folder.mkdir()
    settings = parts.settings.model_copy(update={"secret_key": None})
    former = here.wrap(b"former")
    before = backup.read_keys(settings)
    here.add_to_file()
    here.keep_in_file(here.keys[0])
    newer = here.wrap(b"newer")

    held = backup.join_keys(backup.read_keys(settings), before)

    (folder / "field.key").write_text(held["field.key"])
    there = MasterKeys([], former=new_key(), path=folder / "field.key")
    assert (there.unwrap(former), there.unwrap(newer)) == (b"former", b"newer")
    assert there.is_newest(newer)
    assert held["secret.key"] == before["secret.key"]


async def test_restored_installation_has_the_same_rows_and_finds_the_same(
    parts: Services,
    other: Services,
    actor: Actor,
    add_document: AddDocument,
    choose: Choose,
    tmp_path: Path,
) -> None:
    document = await add_document("pumps.md", TEXT)
    file = tmp_path / "atelier.backup"
    choose(parts.settings)
    written = await backup.write_backup(file)
    choose(other.settings)

    restored = await backup.restore_backup(file, is_forced=False)

    assert restored == written
    counts = await rows_dump.count_rows(other.db)
    assert counts == {**written.rows, "outbox": written.rows["outbox"] + 1}
    key = original_key(document.collection_id, document.id)
    assert await other.objects.get(key) == TEXT.encode()
    keys = [
        (each.settings.data_dir / "secret.key").read_text() for each in (parts, other)
    ]
    assert keys[0] == keys[1]
    await ingest.ingest_document(other, actor, document.id)
    found = await search(
        other,
        actor,
        collection_ids=[document.collection_id],
        query=QUESTION,
        limit=1,
    )
    assert "nine seconds" in found.passages[0].text


@pytest.mark.parametrize(
    ("status", "goes_on"),
    [
        (DocumentStatus.CHUNKED, DocumentStatus.CHUNKED),
        (DocumentStatus.READY, DocumentStatus.CHUNKED),
        (DocumentStatus.FAILED, DocumentStatus.FAILED),
    ],
)
async def test_restored_document_is_embedded_from_its_first_passage_on(
    parts: Services,
    other: Services,
    actor: Actor,
    add_document: AddDocument,
    choose: Choose,
    tmp_path: Path,
    status: DocumentStatus,
    goes_on: DocumentStatus,
) -> None:
    document = await add_document("pumps.md", TEXT)
    half = {"status": status, "chunks_done": 1, "chunks_total": 2}
    async with parts.db.transaction() as session:
        await session.exec(update(DocumentRow).values(**half))
    choose(parts.settings)
    await backup.write_backup(tmp_path / "b")
    choose(other.settings)

    await backup.restore_backup(tmp_path / "b", is_forced=False)

    async with other.db.read() as session:
        row = await knowledge.get_document(session, actor, document_id=document.id)
    assert (row.status, row.chunks_done) == (goes_on, 0)


async def test_backup_is_for_its_owner_only(
    parts: Services, choose: Choose, tmp_path: Path
) -> None:
    choose(parts.settings)

    await backup.write_backup(tmp_path / "b")

    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600


async def test_installation_in_use_is_replaced_only_by_force(
    parts: Services, make_user: MakeUser, choose: Choose, tmp_path: Path
) -> None:
    choose(parts.settings)
    written = await backup.write_backup(tmp_path / "b")
    await make_user()

    with pytest.raises(BackupFailed, match="--force"):
        await backup.restore_backup(tmp_path / "b", is_forced=False)
    await backup.restore_backup(tmp_path / "b", is_forced=True)

    assert await rows_dump.count_rows(parts.db) == written.rows


@pytest.mark.parametrize("size", [0, 200])
async def test_cut_file_is_refused(
    parts: Services, actor: Actor, choose: Choose, tmp_path: Path, size: int
) -> None:
    choose(parts.settings)
    await backup.write_backup(tmp_path / "b")
    cut = tmp_path / "cut"
    cut.write_bytes((tmp_path / "b").read_bytes()[:size])

    with pytest.raises(BackupFailed, match="not a whole backup"):
        await backup.restore_backup(cut, is_forced=True)


async def test_restore_that_fails_changes_nothing(
    parts: Services,
    actor: Actor,
    add_document: AddDocument,
    make_user: MakeUser,
    choose: Choose,
    tmp_path: Path,
) -> None:
    document = await add_document("pumps.md", TEXT)
    choose(parts.settings)
    await backup.write_backup(tmp_path / "b")
    _lose_a_row(tmp_path / "b", "user")
    await make_user()
    key = (parts.settings.data_dir / "secret.key").read_text()
    before = await rows_dump.count_rows(parts.db)

    with pytest.raises(BackupFailed, match="Nothing was changed"):
        await backup.restore_backup(tmp_path / "b", is_forced=True)

    assert await rows_dump.count_rows(parts.db) == before
    assert (parts.settings.data_dir / "secret.key").read_text() == key
    found = await search(
        parts, actor, collection_ids=[document.collection_id], query=QUESTION
    )
    assert "nine seconds" in found.passages[0].text


def _lose_a_row(file: Path, table: str) -> None:
    """Make the manifest of a backup tell of one row more than it has."""
    folder = file.with_name("unpacked")
    with tarfile.open(file) as archive:
        archive.extractall(folder, filter="data")
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["rows"][table] += 1
    path.write_text(json.dumps(manifest))
    with tarfile.open(file, "w:gz") as archive:
        for part in folder.iterdir():
            archive.add(part, part.name)


async def test_running_installation_is_not_restored(
    parts: Services, choose: Choose, tmp_path: Path
) -> None:
    choose(parts.settings)
    await backup.write_backup(tmp_path / "b")

    with (
        claims.lock_folder(parts.settings.data_dir),
        pytest.raises(CannotStart, match="already runs"),
    ):
        await backup.restore_backup(tmp_path / "b", is_forced=True)
