"""Tabs of people who are signed in."""

from collections.abc import Awaitable, Callable

import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.identity import cookies
from app.state import edge, tabs
from tests.factories.rows import RowFactory

SignIn = Callable[[Actor], Awaitable[str]]


@pytest.fixture
def sign_in(services: Services) -> SignIn:
    """`await sign_in(actor)` returns the cookie of a fresh login; the stores use the parts of this test."""
    edge.install(services)

    async def make_login(actor: Actor) -> str:
        token = await RowFactory(services.db).login(actor)
        return f"{cookies.cookie_name(services.keyring)}={token}"

    return make_login


@pytest.fixture
async def cookie(sign_in: SignIn, actor: Actor) -> str:
    """The cookie of the owner's login."""
    return await sign_in(actor)


@pytest.fixture
def open_tab() -> None:
    """Let every tab count as open."""
    tabs.install(lambda _: True)


@pytest.fixture
async def other_cookie(sign_in: SignIn, other_actor: Actor) -> str:
    """The cookie of somebody else's login."""
    return await sign_in(other_actor)
