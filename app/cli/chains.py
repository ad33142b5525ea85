"""What stands before models, for commands that change it or make it ready."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.backend.core import redis as redis_client
from app.backend.middleware.chains import RowChains
from app.cli.edge import Rows, open_rows


@asynccontextmanager
async def open_chains() -> AsyncGenerator[tuple[Rows, RowChains], None]:
    """Open the database and the chains; a Redis that is away is passed over."""
    async with open_rows() as rows:
        redis = redis_client.connect(rows.settings.redis_url)
        try:
            yield rows, RowChains(rows.db, redis)
        finally:
            await redis.aclose()
