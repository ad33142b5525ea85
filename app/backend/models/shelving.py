"""Model files of this machine as administrators add them, measure them and take them out while Atelier runs."""

from collections.abc import AsyncGenerator
from contextlib import suppress

from app.backend.core import acting
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Database, Session
from app.backend.core.settings import Settings
from app.backend.identity import audit
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.models import local_trial
from app.backend.models.local import LocalView, list_local, open_shelf
from app.backend.models.preparing import FileDraft, Preparation
from app.backend.models.shelf import BeingMeasured, LocalFile, Shelf
from app.backend.providers.handler import PullProgress

KIND = "local model"
MEASURING = "Loading it once"


async def add_file(
    actor: Actor, *, draft: FileDraft, settings: Settings, db: Database
) -> AsyncGenerator[PullProgress | LocalView, None]:
    """Add a model file, load it once and measure it; tell how far this is, and at the end what is there.

    Whoever stops asking stops it. Nothing is kept before the last step, and then the audit says so too.

    Raises:
        Forbidden: the actor is no administrator who is signed in.
        Invalid: it cannot be fetched, is no model, or another one than the hash says.
    """
    require(actor, Permission.CHANGE_SYSTEM)
    shelf = open_shelf(settings)
    work, is_kept = Preparation(shelf, draft), False
    try:
        async for step in work.steps():
            yield step
        file = work.file()
        yield PullProgress(status=MEASURING)
        await _put(shelf, db, actor, file)
        is_kept = True
    finally:
        if not is_kept:
            await work.end()
    # It is there, and can be measured later.
    with suppress(BeingMeasured):
        await local_trial.try_out(settings, file.name)
    yield _find(settings, file.name)


async def measure_file(actor: Actor, *, name: str, settings: Settings) -> LocalView:
    """Load a model, and keep how fast it is here, or why it cannot be loaded.

    Raises:
        Forbidden: the actor is no administrator who is signed in.
        NotFound: there is none of that name.
        BeingMeasured: another one is measured just now.
    """
    require(actor, Permission.CHANGE_SYSTEM)
    await local_trial.try_out(settings, name)
    return _find(settings, name)


def delete_file(
    session: Session, actor: Actor, *, name: str, settings: Settings
) -> LocalFile:
    """Take a file out; one that was fetched is deleted from the disk.

    Raises:
        Forbidden: the actor is no administrator who is signed in.
        NotFound: there is none of that name.
    """
    require(actor, Permission.CHANGE_SYSTEM)
    file = open_shelf(settings).delete(name)
    action = Action.LOCAL_MODEL_DELETED
    audit.record(session, actor, action, object_kind=KIND, name=f"local/{file.name}")
    return file


async def _put(shelf: Shelf, db: Database, actor: Actor, file: LocalFile) -> None:
    """Put a file on the shelf and write so into the audit: both, or neither."""
    is_there = False
    try:
        with acting.as_user(actor.user_id):
            async with db.transaction() as session:
                _note_added(session, actor, file)
                await session.flush()
                shelf.put(file)
                is_there = True
    except BaseException:
        if is_there:
            shelf.delete(file.name)
        raise


def _note_added(session: Session, actor: Actor, file: LocalFile) -> None:
    audit.record(
        session,
        actor,
        Action.LOCAL_MODEL_ADDED,
        object_kind=KIND,
        name=f"local/{file.name}",
        source=file.source,
        sha256=file.sha256,
    )


def _find(settings: Settings, name: str) -> LocalView:
    wanted = f"local/{name.removeprefix('local/')}"
    return next(one for one in list_local(settings) if one.name == wanted)
