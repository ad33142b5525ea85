"""Every route that needs a permission, asked by somebody who lacks it: it is refused.

Made from the description of the API, which names the permission of each route.
"""

import re
from collections.abc import Iterator

import pytest

from app.backend.api.guard import OPEN_PATHS, OPEN_PREFIXES
from app.backend.core import ids
from app.backend.core.actor import Permission
from tests.factories.rows import MakeUser
from tests.integration.api.conftest import ClientOf
from tests.integration.api.description import described

# Every role has it, so that there is somebody who has no other.
EVERYBODYS = Permission.VIEW_AGENT
# What each person does with their own account.
FOR_ALL = re.compile(r"/api/auth/|/agent$|/agent/{|/api/v1/usage/limits$")


def needed() -> Iterator[tuple[str, str, list[str]]]:
    for path, methods in described()["paths"].items():
        for method, operation in methods.items():
            scopes = [
                scope
                for one in operation["security"]
                for named in one.values()
                for scope in named
            ]
            yield method.upper(), path, scopes


def place_of(path: str) -> str:
    return "/".join(path.split("/")[:4])


NEEDING = [one for one in needed() if set(one[2]) - {EVERYBODYS}]


@pytest.mark.parametrize("place", sorted({place_of(path) for _, path, _ in NEEDING}))
async def test_every_route_is_refused_to_somebody_who_lacks_its_permission(
    client_of: ClientOf, make_user: MakeUser, place: str
) -> None:
    somebody = await make_user(
        taken=[one for one in Permission if one is not EVERYBODYS]
    )
    client = await client_of(somebody)

    for method, path, scopes in NEEDING:
        if place_of(path) == place:
            url = re.sub(r"{\w+(:\w+)?}", str(ids.new_id()), path)
            answer = await client.request(method, url)

            assert answer.status_code == 403, (method, path, scopes)
            assert "it needs the permission" in answer.json()["message"], answer.text


def test_every_route_names_its_permission() -> None:
    nameless = {
        path
        for _, path, scopes in needed()
        if not scopes and path not in OPEN_PATHS and not path.startswith(OPEN_PREFIXES)
    }

    assert {path for path in nameless if not FOR_ALL.match(path)} == set()
