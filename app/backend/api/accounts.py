"""Routes of /api/auth: first run, login and logout as form posts and as JSON, and the caller's own account."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.responses import JSONResponse, RedirectResponse

from app.backend.agents.ready_made import install_ready_made
from app.backend.api import auth, forms, password_login
from app.backend.api.deps import ActorDep, PartsDep, PersonDep, ReadDep, WriteDep
from app.backend.api.errors import response_of
from app.backend.api.parts import ApiParts
from app.backend.core.errors import AppError
from app.backend.core.texts import Text
from app.backend.identity import (
    challenges,
    cookies,
    passwords,
    people,
    reading,
    refusals,
    sessions,
)
from app.backend.identity import service as identity
from app.backend.identity.errors import LoginOver, SecondFactorNeeded
from app.backend.identity.schemas import (
    NewSession,
    PasswordChoice,
    PasswordDraft,
    Preferences,
    ProfileDraft,
    SessionView,
    UserDraft,
    UserView,
    Verified,
)

logger = structlog.get_logger(__name__)
router = APIRouter(prefix="/api/auth", tags=["account"])

LOGIN_PAGE = "/login"
LOGIN_CODE_PAGE = "/login-code"
FIRST_RUN_PAGE = "/first-run"
CHOOSE_PASSWORD_PAGE = "/choose-password"  # noqa: S105 - a path


class Login(BaseModel):
    """Who wants to sign in."""

    model_config = ConfigDict(frozen=True)

    email: Text = Field(min_length=1, max_length=254)
    password: SecretStr = Field(min_length=1, max_length=1000)
    code: str = Field(
        "", max_length=40, description="Of the second factor, if there is one."
    )


class LoginCode(BaseModel):
    """The second factor of whoever has just sent the right password."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(min_length=1, max_length=40)


class FirstRun(BaseModel):
    """The owner account, and the one-time link's token."""

    model_config = ConfigDict(frozen=True)

    token: str = Field(min_length=1, max_length=200)
    email: str
    password: SecretStr
    display_name: str = ""


class SessionList(BaseModel):
    """The caller's logins."""

    items: list[SessionView]
    next_cursor: None = None


class EndedLogins(BaseModel):
    """How many logins have ended."""

    model_config = ConfigDict(frozen=True)

    logins: int


class ProfileChange(ProfileDraft):
    """What to change about oneself; `preferences` are merged, an empty value removes one."""

    preferences: Preferences = Field(default_factory=dict[str, str])


@router.post("/first-run", status_code=201, openapi_extra=forms.form_or_json(FirstRun))
async def first_run(request: Request, parts: PartsDep) -> Response:
    """Create the owner account with the one-time link, and sign in."""
    given = await forms.read(request)
    try:
        new = await _create_owner(parts, given, user_agent(request))
    except AppError as error:
        if not given.is_form:
            raise
        kept = {name: str(given.fields.get(name, "")) for name in ("email", "token")}
        return forms.back_to(FIRST_RUN_PAGE, error, **kept)
    await welcome(parts, new)
    return _signed_in(parts, given, new, status=201)


@router.post("/choose-password", openapi_extra=forms.form_or_json(PasswordChoice))
async def choose_password(request: Request, parts: PartsDep) -> Response:
    """Set a password with a one-time link, and sign in; a second factor is asked for then."""
    given = await forms.read(request)
    try:
        choice = given.parse(PasswordChoice)
        password_hash = await passwords.hash_password(
            choice.password.get_secret_value()
        )
        async with parts.db.transaction() as session:
            new = await people.choose_password(
                session,
                token=choice.token,
                password_hash=password_hash,
                user_agent=user_agent(request),
                session_days=parts.settings.session_days,
            )
    except AppError as error:
        if not given.is_form:
            raise
        token = str(given.fields.get("token", ""))
        return forms.back_to(CHOOSE_PASSWORD_PAGE, error, token=token)
    if isinstance(new, Verified):
        if given.is_form:
            return await _ask_for_code(parts, given, new)
        return response_of(SecondFactorNeeded(new))
    await welcome(parts, new)
    return _signed_in(parts, given, new)


@router.post("/login", openapi_extra=forms.form_or_json(Login))
async def login(request: Request, parts: PartsDep) -> Response:
    """Sign in: the answer sets the session's cookie."""
    given = await forms.read(request)
    try:
        new = await check_in(parts, given.parse(Login), user_agent(request))
    except SecondFactorNeeded as error:
        if not given.is_form:
            raise
        return await _ask_for_code(parts, given, error.verified)
    except AppError as error:
        if not given.is_form:
            raise
        kept = {name: str(given.fields.get(name, "")) for name in ("email", "next")}
        return forms.back_to(LOGIN_PAGE, error, **kept)
    await welcome(parts, new)
    return _signed_in(parts, given, new)


@router.post("/login-code", openapi_extra=forms.form_or_json(LoginCode))
async def login_code(request: Request, parts: PartsDep) -> Response:
    """Sign in with a second factor, after the form of the password; the cookie that came with it says whose."""
    given = await forms.read(request)
    header = request.headers.get("cookie", "")
    challenge = cookies.find_cookie(header, cookies.challenge_name(parts.keyring))
    try:
        asked = given.parse(LoginCode)
        new = await _meet(parts, challenge or "", asked.code, user_agent(request))
    except AppError as error:
        if not given.is_form:
            raise
        page = LOGIN_PAGE if isinstance(error, LoginOver) else LOGIN_CODE_PAGE
        return forms.back_to(page, error, next=str(given.fields.get("next", "")))
    await welcome(parts, new)
    response = _signed_in(parts, given, new)
    response.delete_cookie(cookies.challenge_name(parts.keyring), path="/")
    return response


@router.post("/logout", openapi_extra={"security": []})
async def logout(request: Request, parts: PartsDep) -> Response:
    """End the login that the cookie names; a form goes on to the login page."""
    actor = await auth.find_actor(request)
    if actor is not None:
        async with parts.db.transaction() as session:
            await sessions.logout(session, await reading.end(session, actor))
    is_json = request.headers.get("content-type", "").startswith("application/json")
    response = (
        Response(status_code=204) if is_json else RedirectResponse(LOGIN_PAGE, 303)
    )
    response.delete_cookie(cookies.cookie_name(parts.keyring), path="/")
    return response


@router.get("/me")
async def show_me(actor: ActorDep, session: ReadDep) -> UserView:
    """Return the caller's account."""
    return await identity.get_profile(session, actor)


@router.patch("/me")
async def change_me(
    actor: PersonDep, session: WriteDep, change: ProfileChange
) -> UserView:
    """Change the caller's name, picture and preferences."""
    given = change.model_fields_set
    profile = await identity.get_profile(session, actor)
    if given - {"preferences"}:
        known = ProfileDraft.model_validate(profile, from_attributes=True)
        changes = change.model_dump(include=given - {"preferences"})
        draft = known.model_copy(update=changes)
        profile = await identity.update_profile(session, actor, draft=draft)
    if "preferences" in given:
        profile = await identity.update_preferences(
            session, actor, preferences=change.preferences
        )
    return profile


@router.post("/password", status_code=204)
async def change_password(
    actor: PersonDep, parts: PartsDep, draft: PasswordDraft
) -> None:
    """Change the caller's password; their other logins end."""
    async with refusals.counted(parts.db, parts.redis, actor.email):
        await identity.change_password(parts.db, actor, draft=draft)


@router.get("/sessions")
async def list_sessions(actor: ActorDep, session: ReadDep) -> SessionList:
    """List the caller's logins, newest first."""
    return SessionList(items=await sessions.list_sessions(session, actor))


@router.delete("/sessions")
async def revoke_other_sessions(actor: PersonDep, session: WriteDep) -> EndedLogins:
    """End all of the caller's logins but the one that asks."""
    return EndedLogins(logins=await sessions.revoke_others(session, actor))


@router.delete("/sessions/{session_id}", status_code=204)
async def revoke_session(actor: PersonDep, session: WriteDep, session_id: UUID) -> None:
    """End one of the caller's logins."""
    await sessions.revoke_session(session, actor, session_id=session_id)


async def _create_owner(
    parts: ApiParts, given: forms.Given, user_agent: str
) -> NewSession:
    asked = given.parse(FirstRun)
    draft = given.parse(UserDraft)
    async with parts.db.transaction() as session:
        return await identity.create_owner(
            session,
            link_token=asked.token,
            draft=draft,
            user_agent=user_agent,
            session_days=parts.settings.session_days,
        )


async def check_in(parts: ApiParts, asked: Login, user_agent: str) -> NewSession:
    """Begin a login with a password, and a second factor where there is one; wrong ones are counted."""
    # Only the whole login ends the counting: with the password alone nobody gets more tries for the code.
    async with refusals.counted(parts.db, parts.redis, asked.email):
        verified = await password_login.check(
            parts, email=asked.email, password=asked.password.get_secret_value()
        )
        async with (
            _counted_as_account(parts, verified, asked.email),
            parts.db.transaction() as session,
        ):
            return await sessions.login(
                session,
                verified=verified,
                code=asked.code,
                keyring=parts.keyring,
                user_agent=user_agent,
                session_days=parts.settings.session_days,
            )


@asynccontextmanager
async def _counted_as_account(
    parts: ApiParts, verified: Verified, login: str
) -> AsyncGenerator[None, None]:
    # In a directory a person has more than one name, each with tries of its own; for the code there are no more by that.
    if verified.email == login.strip().lower():
        yield
        return
    async with refusals.counted(parts.db, parts.redis, verified.email):
        yield


async def _ask_for_code(
    parts: ApiParts, given: forms.Given, verified: Verified
) -> Response:
    async with parts.db.transaction() as session:
        token = await challenges.make_challenge(session, verified=verified)
    response = forms.go_on(LOGIN_CODE_PAGE, next=given.then)
    response.set_cookie(
        cookies.challenge_name(parts.keyring),
        token,
        max_age=int(challenges.CHALLENGE_LIFE.total_seconds()),
        httponly=True,
        secure=parts.settings.is_secure,
        samesite="lax",
    )
    return response


async def _meet(
    parts: ApiParts, challenge: str, code: str, user_agent: str
) -> NewSession:
    async with parts.db.read() as session:
        email = await challenges.find_email(session, challenge)
    async with (
        refusals.counted(parts.db, parts.redis, email),
        parts.db.transaction() as session,
    ):
        return await challenges.meet(
            session,
            token=challenge,
            code=code,
            keyring=parts.keyring,
            user_agent=user_agent,
            session_days=parts.settings.session_days,
        )


async def welcome(parts: ApiParts, new: NewSession) -> None:
    """Give a new account its ready-made agents."""
    if new.is_welcomed:
        return
    try:
        async with parts.db.read() as session:
            actor = await identity.get_actor(session, new.user.id)
        await install_ready_made(parts, actor)
    except Exception:  # lint-skip: edge-catch
        # The account is made and signed in; the scheduler tries again.
        logger.exception("ready_made_not_installed", user_id=str(new.user.id))


def _signed_in(
    parts: ApiParts, given: forms.Given, new: NewSession, *, status: int = 200
) -> Response:
    response: Response = (
        RedirectResponse(given.then, 303)
        if given.is_form
        else JSONResponse(new.user.model_dump(mode="json"), status)
    )
    set_login(response, parts, new)
    return response


def set_login(response: Response, parts: ApiParts, new: NewSession) -> None:
    """Let the browser keep a fresh login."""
    response.set_cookie(
        cookies.cookie_name(parts.keyring),
        new.token,
        max_age=parts.settings.session_days * 24 * 3600,
        httponly=True,
        secure=parts.settings.is_secure,
        samesite="lax",
    )


def user_agent(request: Request) -> str:
    """Return what the browser calls itself."""
    return request.headers.get("user-agent", "")
