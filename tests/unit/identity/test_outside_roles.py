"""Which role the groups of another service give."""

from typing import Any

import pytest

from app.backend.core.actor import Role
from app.backend.core.login_settings import RoleRules
from app.backend.identity.outside.roles import has_claims, role_for

RULES: RoleRules = {"groups": {"admins": Role.ADMIN, "guests": Role.VIEWER}}
NESTED: RoleRules = {"realm_access.roles": {"boss": Role.ADMIN}}


@pytest.mark.parametrize(
    ("present", "claims", "rules", "role"),
    [
        ("user", {"groups": ["admins"]}, RULES, "admin"),
        ("admin", {"groups": ["guests", "admins"]}, RULES, "admin"),
        ("admin", {"groups": ["guests"]}, RULES, "viewer"),
        ("user", {"groups": "admins"}, RULES, "admin"),
        ("user", {"groups": ["others"]}, RULES, "user"),
        ("viewer", {}, RULES, "viewer"),
        ("admin", {}, RULES, "user"),
        ("admin", {}, {"groups": {"guests": Role.VIEWER}}, "admin"),
        ("admin", {"groups": []}, {}, "admin"),
        ("user", {"realm_access": {"roles": ["boss"]}}, NESTED, "admin"),
        ("user", {"realm_access.roles": ["boss"]}, NESTED, "admin"),
        ("user", {"realm_access": "boss"}, NESTED, "user"),
    ],
)
def test_highest_role_that_fits(
    present: str, claims: dict[str, Any], rules: RoleRules, role: str
) -> None:
    assert role_for(Role(present), claims, rules) == role


def test_missing_claim_is_told_from_an_empty_one() -> None:
    assert has_claims({"groups": []}, RULES)
    assert not has_claims({}, RULES)
