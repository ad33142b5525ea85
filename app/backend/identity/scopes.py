"""Which role has which permissions, and what single people and keys have besides or less."""

from collections.abc import Iterable

from app.backend.core.actor import Permission, Role

_ADMINISTRATION = frozenset(
    {
        Permission.VIEW_USER,
        Permission.ADD_USER,
        Permission.CHANGE_USER,
        Permission.DELETE_USER,
        Permission.ADD_GROUP,
        Permission.CHANGE_GROUP,
        Permission.DELETE_GROUP,
        Permission.CHANGE_SYSTEM,
        Permission.USE_INSTALLATION_SECRET,
    }
)
# An administrator's key may look, so that programs can watch the installation.
_LOOKING = frozenset({Permission.VIEW_INSTALLATION})
_OWN_KEYS = frozenset(
    {
        Permission.VIEW_APIKEY,
        Permission.ADD_APIKEY,
        Permission.CHANGE_APIKEY,
        Permission.DELETE_APIKEY,
    }
)
# With one of these a person could give themselves all others, so they come with the role only.
BY_ROLE_ONLY = frozenset(
    {
        Permission.VIEW_USER,
        Permission.ADD_USER,
        Permission.CHANGE_USER,
        Permission.DELETE_USER,
        Permission.USE_INSTALLATION_SECRET,
    }
)
# Named already, for what is still to come: nobody is offered them.
_TO_COME = frozenset(
    permission
    for permission in Permission
    if permission.endswith(
        ("_tool", "_mcpserver", "_connection", "_channel", "_inboxitem")
    )
)
# What an administrator may give to a person or take from them, and what a key may be limited to.
OFFERED = tuple(
    permission for permission in Permission if permission not in BY_ROLE_ONLY | _TO_COME
)
_VIEWING = frozenset(
    {
        Permission.VIEW_AGENT,
        Permission.VIEW_THREAD,
        Permission.VIEW_RUN,
        Permission.VIEW_KNOWLEDGE,
        Permission.VIEW_FILE,
        Permission.VIEW_GROUP,
        Permission.VIEW_PROVIDER,
        Permission.VIEW_MODEL,
        Permission.VIEW_SYSTEM,
        Permission.VIEW_TOOL,
        Permission.VIEW_MCPSERVER,
        Permission.VIEW_CONNECTION,
        Permission.VIEW_CHANNEL,
        Permission.VIEW_INBOXITEM,
        Permission.VIEW_SECRET,
        Permission.VIEW_BUDGET,
    }
)
_EVERYTHING = frozenset(Permission)
_OF_ROLE: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: _EVERYTHING,
    Role.USER: _EVERYTHING - _ADMINISTRATION - _LOOKING,
    Role.VIEWER: _VIEWING | _OWN_KEYS,
}


def permissions_of(role: Role) -> frozenset[Permission]:
    """Return what a signed-in user with `role` may do."""
    return _OF_ROLE[role]


def effective(
    role: Role, given: Iterable[str], taken: Iterable[str]
) -> frozenset[Permission]:
    """Return what a signed-in user with `role` may do, to whom an administrator gave some and took others."""
    return (_OF_ROLE[role] | _known(given)) - _known(taken)


def permissions_of_key(
    permissions: frozenset[Permission], wanted: Iterable[str] | None = None
) -> frozenset[Permission]:
    """Return what an API key may do whose user has `permissions`; `wanted` is what it is limited to.

    A key makes no keys and manages no users, so that revoking a leaked key ends the leak.
    """
    possible = permissions - _ADMINISTRATION - (_OWN_KEYS - {Permission.VIEW_APIKEY})
    return possible if wanted is None else possible & _known(wanted)


def _known(names: Iterable[str]) -> frozenset[Permission]:
    # A row may name one that an older or newer version has.
    return frozenset(Permission(name) for name in names if name in set(Permission))
