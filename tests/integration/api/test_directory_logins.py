"""Signing in with the password of a directory, which is a real slapd."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from pyotp.totp import TOTP
from sqlmodel import select

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor, Role
from app.backend.core.settings import Settings
from app.backend.identity import people
from app.backend.identity import service as identity
from app.backend.identity.outside import directory as asked
from app.backend.identity.outside.directory import DirectoryAway
from app.backend.identity.schemas import InviteDraft
from app.backend.identity.tables import LinkedLoginRow, UserRow
from tests.directory import (
    ADA,
    ADMINS,
    BASE,
    GROUPS,
    PASSWORD,
    PEOPLE,
    READER,
    SECRET,
    Directory,
    start_directory,
)
from tests.factories.rows import MakeUser
from tests.integration.api.conftest import ADDRESS
from tests.parts import free_port
from tests.stack import changed

MAIL = "ada@example.org"
BY_NAME = {"ldap_filter": "(|(mail={login})(uid={login}))"}
BY_DN = {"ldap_user_dn": f"uid={{login}},{PEOPLE}"}
OPTIONS = pytest.mark.parametrize


@pytest.fixture(scope="module")
def directory() -> Iterator[Directory]:
    """The directory of these tests."""
    folder = Path(tempfile.mkdtemp(prefix="atelier-directory-"))
    running = start_directory(folder)
    yield running
    running.part.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def options() -> dict[str, Any]:
    """What the settings say of the directory besides the necessary."""
    return {}


@pytest.fixture
def settings(
    settings: Settings, directory: Directory, options: dict[str, Any]
) -> Settings:
    """Settings of an installation with a directory."""
    known: dict[str, Any] = {
        "ldap_url": directory.url,
        "ldap_ca_file": directory.ca_file,
        "ldap_bind_dn": READER,
        "ldap_bind_password": SecretStr(SECRET),
        "ldap_base_dn": BASE,
    }
    return changed(settings, **{**known, **options})


@pytest.fixture
async def invited(services: Services, actor: Actor) -> UUID:
    """Ada, who was invited and has not come."""
    async with services.db.transaction() as session:
        draft = InviteDraft(email=MAIL)
        return (await people.invite(session, actor, draft=draft)).user.id


async def _sign_in(
    client: httpx.AsyncClient, login: str = MAIL, password: str = PASSWORD
) -> str:
    """Return who is signed in, or the code of the refusal."""
    fields = {"email": login, "password": password}
    answer = await client.post("/api/auth/login", json=fields)
    said = answer.json()
    return said["email"] if answer.is_success else said.get("code") or said["service"]


async def _role(services: Services) -> str:
    async with services.db.read() as session:
        query = select(UserRow).where(UserRow.email == MAIL)
        return (await session.exec(query)).one().role


@OPTIONS(
    ("options", "login"),
    [({}, MAIL), ({}, " ADA@example.org "), (BY_NAME, "ada"), (BY_DN, "ada")],
    ids=["address", "written otherwise", "name", "template"],
)
async def test_invited_person_signs_in_with_the_password_of_the_directory(
    stranger: httpx.AsyncClient, services: Services, invited: UUID, login: str
) -> None:
    assert await _sign_in(stranger, login) == MAIL

    async with services.db.read() as session:
        (linked,) = (await session.exec(select(LinkedLoginRow))).all()
    assert (linked.owner_id, linked.provider) == (invited, "ldap")
    assert str(UUID(linked.subject)) == linked.subject


async def test_directory_is_asked_over_tls_from_the_start_too(
    settings: Settings, directory: Directory
) -> None:
    other = changed(settings, ldap_url=directory.tls_url)

    found = await asked.find(other, login=MAIL, password=PASSWORD)

    assert found is not None
    assert (found.email, found.name) == (MAIL, "Ada")


@OPTIONS("scheme", ["url", "tls_url"])
async def test_certificate_that_is_not_trusted_gets_no_password(
    settings: Settings, directory: Directory, scheme: str
) -> None:
    url = getattr(directory, scheme)
    other = changed(settings, ldap_url=url, ldap_ca_file=None)

    with pytest.raises(DirectoryAway):
        await asked.find(other, login=MAIL, password=PASSWORD)


async def test_wrong_password_is_refused_as_anywhere(
    stranger: httpx.AsyncClient, invited: UUID
) -> None:
    assert await _sign_in(stranger, password="wrong") == "WRONG_LOGIN"
    assert await _sign_in(stranger, login="nobody@example.org") == "WRONG_LOGIN"


async def test_wrong_passwords_of_the_directory_are_counted(
    stranger: httpx.AsyncClient, invited: UUID
) -> None:
    for _ in range(10):
        assert await _sign_in(stranger, password="wrong") == "WRONG_LOGIN"

    assert await _sign_in(stranger) == "TOO_MANY_REQUESTS"


@OPTIONS("options", [BY_NAME])
async def test_wrong_codes_are_counted_together_under_all_names_of_a_person(
    stranger: httpx.AsyncClient, invited: UUID
) -> None:
    stranger.headers["Origin"] = ADDRESS
    path, proof = "/api/auth/second-factor", {"password": PASSWORD}
    assert await _sign_in(stranger) == MAIL
    secret = (await stranger.post(path, json=proof)).json()["secret"]
    await stranger.post(f"{path}/confirm", json={"code": TOTP(secret).now()})

    said: list[str] = []
    for login in ["ada"] * 6 + [MAIL] * 5:
        fields = {"email": login, "password": PASSWORD, "code": "000000"}
        answer = await stranger.post("/api/auth/login", json=fields)
        said.append(answer.json()["code"])

    assert said == ["WRONG_CODE"] * 10 + ["TOO_MANY_REQUESTS"]


@OPTIONS("options", [{}, BY_DN], ids=["search", "template"])
async def test_empty_password_never_binds(settings: Settings) -> None:
    for login in (MAIL, "ada"):
        assert await asked.find(settings, login=login, password="") is None


@OPTIONS("options", [BY_NAME, BY_DN], ids=["search", "template"])
async def test_login_is_text_and_no_filter(settings: Settings) -> None:
    for login in (
        "*",
        "a*",
        "*)(uid=*",
        f"{MAIL})(objectClass=*",
        f"x)(|(mail={MAIL})",
        "ada\x00",
        "\\61da",
    ):
        found = await asked.find(settings, login=login, password=PASSWORD)

        assert found is None, login


@OPTIONS("options", [{"ldap_user_dn": f"{{login}},{PEOPLE}"}])
async def test_login_is_text_and_no_name(settings: Settings) -> None:
    for login in ("uid=ada", "uid=ada,ou=people", "sn=Ada+uid=ada"):
        found = await asked.find(settings, login=login, password=PASSWORD)

        assert found is None, login


@OPTIONS("options", [{"ldap_filter": "(sn=*)"}])
async def test_filter_that_finds_several_finds_nobody(settings: Settings) -> None:
    assert await asked.find(settings, login=MAIL, password=PASSWORD) is None


@OPTIONS("options", [{"ldap_roles": {ADMINS.upper(): "admin"}}])
async def test_role_follows_the_groups_at_each_login(
    stranger: httpx.AsyncClient,
    services: Services,
    directory: Directory,
    make_user: MakeUser,
    invited: UUID,
) -> None:
    await make_user(role=Role.ADMIN, password_hash="somebody's")
    assert await _sign_in(stranger) == MAIL
    assert await _role(services) == "admin"

    with directory.root() as root:
        root.modify(ADMINS, {"member": [("MODIFY_REPLACE", [f"uid=grace,{PEOPLE}"])]})
        try:
            assert await _sign_in(stranger) == MAIL
        finally:
            root.modify(ADMINS, {"member": [("MODIFY_REPLACE", [ADA])]})

    assert await _role(services) == "user"


@OPTIONS(
    "options",
    [
        {
            "ldap_roles": {ADMINS: "viewer"},
            "ldap_group_attribute": "ou",
            "ldap_group_base_dn": GROUPS,
        }
    ],
)
async def test_groups_are_searched_where_people_do_not_list_them(
    stranger: httpx.AsyncClient, services: Services, invited: UUID
) -> None:
    assert await _sign_in(stranger) == MAIL

    assert await _role(services) == "viewer"


async def test_nobody_comes_in_uninvited(
    stranger: httpx.AsyncClient, actor: Actor
) -> None:
    assert await _sign_in(stranger) == "NOT_INVITED"


@OPTIONS("options", [{"ldap_sign_up": True}])
async def test_directory_that_may_brings_in_people(
    stranger: httpx.AsyncClient, services: Services, actor: Actor
) -> None:
    assert await _sign_in(stranger) == MAIL

    assert await _role(services) == "user"


async def test_account_with_a_password_keeps_it_and_opens_to_no_other(
    stranger: httpx.AsyncClient, services: Services, make_user: MakeUser, actor: Actor
) -> None:
    await make_user(email=MAIL)
    async with services.db.transaction() as session:
        await identity.set_password(
            session, actor, email=MAIL, password="her password here"
        )

    assert await _sign_in(stranger, password="her password here") == MAIL
    assert await _sign_in(stranger) == "LINK_IMPOSSIBLE"


async def test_suspended_person_stays_out(
    stranger: httpx.AsyncClient, services: Services, actor: Actor, invited: UUID
) -> None:
    async with services.db.transaction() as session:
        await people.set_active(session, actor, user_id=invited, is_active=False)

    assert await _sign_in(stranger) == "ACCOUNT_SUSPENDED"


@OPTIONS("options", [{"ldap_url": f"ldap://127.0.0.1:{free_port()}"}])
async def test_passwords_of_accounts_work_while_the_directory_is_away(
    stranger: httpx.AsyncClient, services: Services, make_user: MakeUser, actor: Actor
) -> None:
    await make_user(email=MAIL)
    async with services.db.transaction() as session:
        await identity.set_password(
            session, actor, email=MAIL, password="her password here"
        )

    assert await _sign_in(stranger, password="her password here") == MAIL
    assert await _sign_in(stranger, password="another") == "ldap"


@OPTIONS("demand", ["optional", "all"])
async def test_second_factor_is_set_up_and_turned_off_with_that_password(
    stranger: httpx.AsyncClient, app: FastAPI, invited: UUID, demand: str
) -> None:
    services: Services = app.state.services
    settings = changed(services.settings, second_factor=demand)
    app.state.services = replace(services, settings=settings)
    stranger.headers["Origin"] = ADDRESS
    path, proof = "/api/auth/second-factor", {"password": PASSWORD}
    assert await _sign_in(stranger) == MAIL

    wrong = await stranger.post(path, json={"password": "wrong"})
    begun = await stranger.post(path, json=proof)
    code = TOTP(begun.json()["secret"]).now()
    on = await stranger.post(f"{path}/confirm", json={"code": code})
    off = await stranger.post(f"{path}/remove", json=proof)

    assert wrong.json()["details"]["password"] == ["This is not your present password."]
    assert (begun.status_code, on.status_code, off.status_code) == (201, 200, 204)


@OPTIONS("options", [{"ldap_filter": "(uid={login})"}, BY_DN])
async def test_password_of_who_is_known_by_a_short_name_only_proves_who_they_are(
    stranger: httpx.AsyncClient, invited: UUID
) -> None:
    stranger.headers["Origin"] = ADDRESS
    assert await _sign_in(stranger, "ada") == MAIL

    path = "/api/auth/second-factor"
    wrong = await stranger.post(path, json={"password": "wrong"})
    begun = await stranger.post(path, json={"password": PASSWORD})

    assert (wrong.status_code, begun.status_code) == (400, 201)


async def test_password_of_another_person_of_the_directory_proves_nothing(
    stranger: httpx.AsyncClient,
    services: Services,
    directory: Directory,
    invited: UUID,
) -> None:
    stranger.headers["Origin"] = ADDRESS
    assert await _sign_in(stranger) == MAIL
    grace = f"uid=grace,{PEOPLE}"
    with directory.root() as root:
        root.modify(ADA, {"mail": [("MODIFY_REPLACE", ["ada.b@example.org"])]})
        root.modify(grace, {"mail": [("MODIFY_REPLACE", [MAIL])]})
        try:
            proof = {"password": PASSWORD}
            answer = await stranger.post("/api/auth/second-factor", json=proof)
        finally:
            root.modify(grace, {"mail": [("MODIFY_REPLACE", ["grace@example.org"])]})
            root.modify(ADA, {"mail": [("MODIFY_REPLACE", [MAIL])]})

    assert answer.status_code == 400


@OPTIONS("options", [{"ldap_bind_password": SecretStr("wrong")}])
async def test_directory_that_does_not_let_us_search_is_away(
    settings: Settings,
) -> None:
    with pytest.raises(DirectoryAway):
        await asked.find(settings, login=MAIL, password=PASSWORD)


async def test_referral_is_not_followed(
    settings: Settings, directory: Directory
) -> None:
    elsewhere = f"ou=elsewhere,{BASE}"
    with socket.socket() as trap, directory.root() as root:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        trap.setblocking(False)
        place = f"ldap://127.0.0.1:{trap.getsockname()[1]}/{elsewhere}"
        manage = [("2.16.840.1.113730.3.4.2", True, None)]
        kinds = ["referral", "extensibleObject"]
        root.add(elsewhere, kinds, {"ref": place}, controls=manage)
        try:
            found = await asked.find(settings, login=MAIL, password=PASSWORD)
        finally:
            root.delete(elsewhere, controls=manage)

        with pytest.raises(BlockingIOError):
            trap.accept()
    assert found is not None
