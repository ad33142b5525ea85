"""Which role has which permissions."""

from app.backend.core.actor import Permission, Role

_ADMINISTRATION = frozenset(
    {
        Permission.VIEW_USER,
        Permission.ADD_USER,
        Permission.CHANGE_USER,
        Permission.DELETE_USER,
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
_VIEWING = frozenset(
    {
        Permission.VIEW_AGENT,
        Permission.VIEW_THREAD,
        Permission.VIEW_RUN,
        Permission.VIEW_KNOWLEDGE,
        Permission.VIEW_FILE,
        Permission.VIEW_SYSTEM,
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


def permissions_of_key(role: Role) -> frozenset[Permission]:
    """Return what an API key of a user with `role` may do.

    A key makes no keys and manages no users, so that revoking a leaked key ends the leak.
    """
    return _OF_ROLE[role] - _ADMINISTRATION - (_OWN_KEYS - {Permission.VIEW_APIKEY})
