"""The parts of a running installation, for commands that need more than rows."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.identity import service as identity
from app.cli import claims
from app.cli.edge import NotRunning, check_tables


@asynccontextmanager
async def open_parts(email: str | None) -> AsyncGenerator[tuple[Services, Actor], None]:
    """Open all parts of the running installation on behalf of a user.

    Raises:
        NotRunning: the installation is stopped.
    """
    settings = claims.load_settings()
    if not settings.redis_url:
        raise NotRunning
    async with bootstrap.build(settings) as parts:
        await check_tables(parts.db)
        async with parts.db.read() as session:
            actor = await identity.find_actor_by_email(session, email)
        yield parts, actor
