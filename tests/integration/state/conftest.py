"""Tabs of people who are signed in."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.crypto import hash_token
from app.backend.identity import cookies
from app.backend.identity.tables import SessionRow
from app.state import edge

SignIn = Callable[[Actor], Awaitable[str]]


@pytest.fixture
def sign_in(services: Services) -> SignIn:
    """`await sign_in(actor)` returns the cookie of a fresh login; the stores use the parts of this test."""
    edge.install(services)

    async def make_login(actor: Actor) -> str:
        token = ids.new_token()
        async with services.db.transaction() as session:
            session.add(
                SessionRow(
                    owner_id=actor.user_id,
                    token_hash=hash_token(token),
                    expires_at=clock.now() + timedelta(days=1),
                )
            )
        return f"{cookies.cookie_name(services.keyring)}={token}"

    return make_login


@pytest.fixture
async def cookie(sign_in: SignIn, actor: Actor) -> str:
    """The cookie of the owner's login."""
    return await sign_in(actor)


@pytest.fixture
async def other_cookie(sign_in: SignIn, other_actor: Actor) -> str:
    """The cookie of somebody else's login."""
    return await sign_in(other_actor)
