"""Brings an installation to the state in which its parts can start; a short-lived process of `atelier up`.

It keeps the heavy imports out of the supervisor, which then costs next to nothing while it runs.
With the argument `files` it stops before the rows: so much can be done when an image is built.
"""

import asyncio
import json
import sys

from app.backend.core import migrations, settings
from app.backend.core.db import Database
from app.backend.core.errors import AppError
from app.backend.core.settings import Settings
from app.backend.identity import service as identity
from app.backend.models import files
from app.cli import build


def main() -> None:
    """Fetch the models, build the front end, migrate, and print what `up` must know as JSON."""
    loaded = settings.load()
    try:
        files.ensure_default_models(loaded.models_dir, _say)
        if not build.is_built():
            _say("Building the front end, about 20 s; this happens once per version…")
            build.ensure_built()
        if sys.argv[1:] != ["files"]:
            token = asyncio.run(_prepare_rows(loaded))
            sys.stdout.write(json.dumps({"owner_token": token}))
    except AppError as error:
        sys.exit(error.message)


async def _prepare_rows(loaded: Settings) -> str | None:
    await migrations.migrate_installation(loaded)
    db = Database(loaded.sql_url)
    try:
        async with db.transaction() as session:
            if await identity.has_owner(session):
                return None
            return await identity.make_owner_link(session)
    finally:
        await db.close()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
