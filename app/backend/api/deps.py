"""What routes ask for: the caller with a permission, the parts, a transaction, a page of a list."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import Depends, Query, Security
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from app.backend.api import auth
from app.backend.api.parts import ApiParts
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.errors import Forbidden
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity.sharing_schemas import Shown

# Only describes the header in the documentation: the guard has read it already.
_described = Security(HTTPBearer(auto_error=False, description="An API key"))


def get_parts(connection: HTTPConnection) -> ApiParts:
    """Return the parts of this process."""
    return auth.parts_of(connection)


def get_actor(connection: HTTPConnection, _: Annotated[Any, _described]) -> Actor:
    """Return who is calling."""
    return auth.actor_of(connection)


def get_person(actor: Annotated[Actor, Depends(get_actor)]) -> Actor:
    """Return who is calling, by a login of theirs.

    Raises:
        Forbidden: it is an API key: whoever finds one shall not take the account.
    """
    if actor.api_key_id is not None:
        message = "API keys may not change the account. Sign in, and change it there."
        raise Forbidden(message)
    return actor


def may(permission: Permission) -> Any:
    """Return the dependency that gives the caller when they have `permission`."""

    def get_permitted(actor: Annotated[Actor, Depends(get_actor)]) -> Actor:
        need(actor, permission)
        return actor

    # The scope only tells the documentation which permission it is.
    return Security(get_permitted, scopes=[permission.value])


def need(actor: Actor, permission: Permission) -> None:
    """Refuse an actor who lacks `permission`.

    Raises:
        Forbidden: it is so.
    """
    if not actor.may(permission):
        message = f"You may not do this: it needs the permission {permission.value!r}. Ask an administrator."
        raise Forbidden(message)


async def open_transaction(
    parts: Annotated[ApiParts, Depends(get_parts)],
) -> AsyncGenerator[Session, None]:
    """Open a transaction that is committed before the answer goes out."""
    async with parts.db.transaction() as session:
        yield session


async def open_read(
    parts: Annotated[ApiParts, Depends(get_parts)],
) -> AsyncGenerator[Session, None]:
    """Open a transaction for reading only."""
    async with parts.db.read() as session:
        yield session


PartsDep = Annotated[ApiParts, Depends(get_parts)]
ActorDep = Annotated[Actor, Depends(get_actor)]
PersonDep = Annotated[Actor, Depends(get_person)]
WriteDep = Annotated[Session, Depends(open_transaction, scope="function")]
ReadDep = Annotated[Session, Depends(open_read, scope="function")]
CursorQuery = Annotated[
    str | None, Query(description="`next_cursor` of the page before.")
]
ShownQuery = Annotated[
    Shown,
    Query(
        description="The caller's own, those that others share with them, or the public ones."
    ),
]
LimitQuery = Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX)]
