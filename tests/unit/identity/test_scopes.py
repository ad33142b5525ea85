import pytest

from app.backend.core.actor import Permission, Role
from app.backend.identity import scopes


def test_administrators_may_do_everything() -> None:
    assert scopes.permissions_of(Role.ADMIN) == frozenset(Permission)


def test_users_manage_no_users() -> None:
    assert Permission.ADD_USER not in scopes.permissions_of(Role.USER)
    assert Permission.DELETE_AGENT in scopes.permissions_of(Role.USER)


def test_viewers_change_nothing_but_their_own_keys() -> None:
    changing = {
        permission
        for permission in scopes.permissions_of(Role.VIEWER)
        if not permission.startswith("view_")
    }

    assert changing == {
        Permission.ADD_APIKEY,
        Permission.CHANGE_APIKEY,
        Permission.DELETE_APIKEY,
    }


@pytest.mark.parametrize("role", list(Role))
def test_keys_make_no_keys_and_manage_nobody(role: Role) -> None:
    permissions = scopes.permissions_of_key(scopes.permissions_of(role))

    assert permissions < scopes.permissions_of(role)
    assert not permissions & {
        Permission.ADD_APIKEY,
        Permission.DELETE_APIKEY,
        Permission.ADD_USER,
        Permission.CHANGE_USER,
        Permission.CHANGE_SYSTEM,
    }


def test_given_and_taken_permissions_count_beside_the_role() -> None:
    found = scopes.effective(
        Role.VIEWER, ["add_run", "of_another_version"], ["view_file"]
    )

    assert Permission.ADD_RUN in found
    assert Permission.VIEW_FILE not in found
    assert Permission.VIEW_RUN in found


def test_key_has_what_it_is_limited_to_and_its_user_has_too() -> None:
    user = scopes.permissions_of(Role.VIEWER)
    wanted = ["view_run", "add_run", "add_apikey"]

    assert scopes.permissions_of_key(user, wanted) == {Permission.VIEW_RUN}
    assert scopes.permissions_of_key(user, []) == frozenset()


def test_nobody_is_offered_what_would_give_them_everything() -> None:
    assert not {Permission.CHANGE_USER, Permission.VIEW_USER} & set(scopes.OFFERED)
    assert Permission.VIEW_INSTALLATION in scopes.OFFERED
