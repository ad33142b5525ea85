"""`atelier backup FILE` and `atelier restore FILE`: the whole installation in one file.

The file is a tar of a manifest, the rows, the originals of documents, and the installation's keys. Vectors are not in
it: they are made again from the rows, by the same jobs that made them first.
"""

import hashlib
import io
import shutil
import tarfile
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from app.backend.core import clock, crypto, master_keys, migrations
from app.backend.core.db import Database
from app.backend.core.errors import AppError
from app.backend.core.settings import Settings
from app.backend.files import storage
from app.backend.files.errors import ObjectMissing
from app.backend.files.storage import ObjectStore
from app.backend.knowledge import index as vectors
from app.cli import claims, documents_again, output, rows_dump
from app.cli.edge import command
from app.cli.options import JsonOption

_MANIFEST = "manifest.json"
_KEY_WARNING = "The file holds the installation's keys and everybody's data: keep it as safe as the installation itself."

backup_app = typer.Typer(add_completion=False)
restore_app = typer.Typer(add_completion=False)


class BackupFailed(AppError):
    """A backup cannot be made, or cannot be restored here."""

    code = "BACKUP_FAILED"
    status = 409


class Manifest(BaseModel):
    """What a backup holds; a restore is checked against it."""

    model_config = ConfigDict(frozen=True)

    version: str
    revision: str
    created_at: str
    has_key: bool
    rows: dict[str, int]
    objects: dict[str, str]


@dataclass(frozen=True)
class _Parts:
    settings: Settings
    db: Database
    objects: ObjectStore


@backup_app.command("backup")
@command
async def back_up(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    is_json: JsonOption = False,
) -> None:
    """Write rows, documents and keys of the installation into one file; it may be running meanwhile."""
    manifest = await write_backup(file)
    _tell(manifest, f"Wrote {file}.", is_json=is_json)
    if manifest.has_key:
        output.note(_KEY_WARNING)


@restore_app.command("restore")
@command
async def restore(
    file: Annotated[Path, typer.Argument(help="A file that `atelier backup` wrote.")],
    is_forced: Annotated[
        bool, typer.Option("--force", help="Replace what the installation has now.")
    ] = False,
    is_json: JsonOption = False,
) -> None:
    """Bring the installation, which must be stopped, to what a backup holds."""
    manifest = await restore_backup(file, is_forced=is_forced)
    _tell(manifest, f"Restored {file}.", is_json=is_json)
    output.note(
        "Documents can be searched again as soon as the workers have embedded them anew."
    )


async def write_backup(file: Path) -> Manifest:
    """Write the installation into `file` and return what it holds."""
    async with _opened() as parts:
        if await migrations.current_revision(parts.db) != migrations.newest_revision():
            message = "The tables are of another version. Run `atelier migrate` first."
            raise BackupFailed(message)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            former = read_keys(parts.settings)
            rows = await rows_dump.write_rows(parts.db, folder)
            # The master key may have been rotated meanwhile: the rows need either.
            keys = join_keys(read_keys(parts.settings), former)
            partial = file.with_name(f"{file.name}.partial")
            try:
                # Opened by us first, so that nobody else can read it for a moment.
                partial.touch(mode=0o600)
                manifest = await _pack(parts, folder, partial, rows, keys)
                partial.replace(file)
            except OSError as error:
                message = f"{str(file)!r} cannot be written ({error.strerror}). Choose a file in a writable folder with enough space."
                raise BackupFailed(message) from error
            finally:
                partial.unlink(missing_ok=True)
        return manifest


async def _pack(
    parts: _Parts,
    folder: Path,
    file: Path,
    rows: dict[str, int],
    keys: dict[str, str],
) -> Manifest:
    objects: dict[str, str] = {}
    with tarfile.open(file, "w:gz", compresslevel=3) as archive:
        for table in rows:
            archive.add(folder / f"{table}.jsonl", f"rows/{table}.jsonl")
        for name in await documents_again.list_objects(parts.db):
            try:
                body = await parts.objects.get(name)
            except ObjectMissing:
                continue
            objects[name] = hashlib.sha256(body).hexdigest()
            _add(archive, f"objects/{name}", body)
        for name, text in keys.items():
            _add(archive, name, text.encode())
        manifest = Manifest(
            version=version("atelier"),
            revision=migrations.newest_revision(),
            created_at=clock.now().isoformat(),
            has_key=bool(keys),
            rows=rows,
            objects=objects,
        )
        _add(archive, _MANIFEST, manifest.model_dump_json().encode())
    return manifest


async def restore_backup(file: Path, *, is_forced: bool) -> Manifest:
    """Replace what the installation has by what `file` holds.

    Raises:
        BackupFailed: the file is not whole or of another version, or the installation is not empty.
        CannotStart: the installation is running.
    """
    settings = claims.load_settings()
    lock = claims.lock_folder(settings.data_dir.resolve())
    with lock, tempfile.TemporaryDirectory(dir=settings.data_dir) as name:
        folder = Path(name)
        manifest = _unpack(file, folder)
        _check_version(manifest)
        _check_objects(manifest, folder)
        async with _opened() as parts:
            await migrations.migrate_installation(settings)
            held = await rows_dump.count_rows(parts.db)
            if held["user"] and not is_forced:
                message = f"This installation has {held['user']} users and their data. Restore into an empty one, or add --force to replace everything."
                raise BackupFailed(message)
            former = await documents_again.list_collections(parts.db)
            # Until the rows are replaced, all at once, nothing refers to what is stored here.
            await _put_objects(parts, manifest, folder)
            await _replace_rows(parts, manifest, folder)
            _restore_keys(settings, folder)
            await _forget_vectors(settings, former)
    return manifest


async def _put_objects(parts: _Parts, manifest: Manifest, folder: Path) -> None:
    for key in manifest.objects:
        body = (folder / "objects" / key).read_bytes()
        await parts.objects.put(key, body, media_type="application/octet-stream")


async def _replace_rows(parts: _Parts, manifest: Manifest, folder: Path) -> None:
    async with parts.db.transaction() as session:
        counts = await rows_dump.read_rows(session, folder / "rows")
        if counts != manifest.rows:
            message = f"The backup is damaged: it has {counts} rows and should have {manifest.rows}. Nothing was changed."
            raise BackupFailed(message)
        await documents_again.embed(session)


def _unpack(file: Path, folder: Path) -> Manifest:
    try:
        with tarfile.open(file) as archive:
            archive.extractall(folder, filter="data")
        return Manifest.model_validate_json((folder / _MANIFEST).read_bytes())
    except (OSError, tarfile.TarError, EOFError, ValidationError) as error:
        message = f"{str(file)!r} is not a whole backup of Atelier. Choose a file that `atelier backup` wrote."
        raise BackupFailed(message) from error


def _check_version(manifest: Manifest) -> None:
    if manifest.revision != migrations.newest_revision():
        message = f"The backup is of version {manifest.version}, whose tables differ. Restore it with that version, then upgrade."
        raise BackupFailed(message)


def _check_objects(manifest: Manifest, folder: Path) -> None:
    for key, sha256 in manifest.objects.items():
        path = folder / "objects" / key
        if not path.is_file() or _hash(path) != sha256:
            message = f"The backup is damaged: {key!r} is not what was saved. Nothing was changed."
            raise BackupFailed(message)


def _key_files(settings: Settings) -> list[Path]:
    """Return where keys lie that no setting holds."""
    held = {
        crypto.KEY_FILE: settings.secret_key is not None,
        master_keys.KEY_FILE: bool(settings.master_keys),
    }
    return [settings.data_dir / name for name, is_set in held.items() if not is_set]


def read_keys(settings: Settings) -> dict[str, str]:
    """Return the files of keys that no setting holds, by name."""
    return {
        path.name: path.read_text() for path in _key_files(settings) if path.is_file()
    }


def join_keys(newer: dict[str, str], former: dict[str, str]) -> dict[str, str]:
    """Return files that hold the keys of both, newest first."""
    return {
        name: "\n".join(dict.fromkeys([*text.split(), *former.get(name, "").split()]))
        for name, text in {**former, **newer}.items()
    }


def _restore_keys(settings: Settings, folder: Path) -> None:
    for path in _key_files(settings):
        saved = folder / path.name
        if saved.is_file():
            saved.chmod(0o600)
            saved.replace(path)


async def _forget_vectors(settings: Settings, former: Sequence[UUID]) -> None:
    """Drop what was derived from the former rows, and the queue: it speaks of rows that may be gone."""
    shutil.rmtree(settings.data_dir / "bm25", ignore_errors=True)
    (settings.data_dir / "checkpoints.db").unlink(missing_ok=True)
    if not settings.redis_url:
        shutil.rmtree(settings.data_dir / "valkey", ignore_errors=True)
    if not settings.chroma_url:
        shutil.rmtree(settings.data_dir / "chroma", ignore_errors=True)
        return
    index = vectors.make_index(settings)
    for collection_id in former:
        await index.delete_collection(collection_id)


@asynccontextmanager
async def _opened() -> AsyncGenerator[_Parts, None]:
    settings = claims.load_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    db = Database(settings.sql_url)
    try:
        store = storage.make_store(settings, crypto.load_keyring(settings))
        yield _Parts(settings, db, store)
    finally:
        await db.close()


def _tell(manifest: Manifest, text: str, *, is_json: bool) -> None:
    if is_json:
        output.print_json(manifest)
        return
    total = sum(manifest.rows.values())
    output.say(f"{text} {total} rows, {len(manifest.objects)} stored files.")


def _add(archive: tarfile.TarFile, name: str, body: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(body)
    entry.mode = 0o600
    archive.addfile(entry, io.BytesIO(body))


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
