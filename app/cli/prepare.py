"""Brings an installation to the state in which its parts can start; a short-lived process of `atelier up`.

It keeps the heavy imports out of the supervisor, which then costs next to nothing while it runs.
"""

import asyncio
import json
import sys

from app.backend.core import migrations, settings
from app.backend.core.db import Database
from app.backend.core.errors import AppError
from app.backend.core.settings import Settings
from app.backend.identity import service as identity
from app.backend.models import files, local
from app.cli import build


def main() -> None:
    """Fetch the models, build the front end, migrate, and print what `up` must know as JSON."""
    loaded = settings.load()
    try:
        files.ensure_default_models(
            loaded.models_dir, _say, wanted=local.needed_files(loaded)
        )
        if not build.is_built():
            _say("Building the front end, about 20 s; this happens once per version…")
            build.ensure_built()
        token = asyncio.run(_prepare_rows(loaded))
    except AppError as error:
        sys.exit(error.message)
    sys.stdout.write(json.dumps({"owner_token": token}))


async def _prepare_rows(loaded: Settings) -> str | None:
    db = Database(loaded.sql_url, pooled=False)
    try:
        await migrations.migrate(db)
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
