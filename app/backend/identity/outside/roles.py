"""Which role somebody gets from what their service says about them."""

from typing import Any

from app.backend.core.actor import Role
from app.backend.core.login_settings import RoleRules

_HIGHEST_FIRST = (Role.ADMIN, Role.USER, Role.VIEWER)


def role_for(present: Role, claims: dict[str, Any], rules: RoleRules) -> Role:
    """Return the highest role that a rule gives; without any, the present one.

    Who is an administrator stays so without a rule only where no rule makes administrators: whoever leaves the group
    leaves the role.
    """
    given = {
        role
        for claim, by_value in rules.items()
        for value, role in by_value.items()
        if value in _values(claims, claim)
    }
    for role in _HIGHEST_FIRST:
        if role in given:
            return role
    makes_admins = any(Role.ADMIN in by_value.values() for by_value in rules.values())
    return Role.USER if present is Role.ADMIN and makes_admins else present


def has_claims(claims: dict[str, Any], rules: RoleRules) -> bool:
    """Tell whether `claims` have all that the rules ask for."""
    return all(_find(claims, claim) is not None for claim in rules)


def _values(claims: dict[str, Any], name: str) -> list[str]:
    found = _find(claims, name)
    if isinstance(found, list):
        return [str(value) for value in found]
    return [] if found is None else [str(found)]


def _find(claims: dict[str, Any], name: str) -> Any:
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
