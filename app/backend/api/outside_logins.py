"""Routes of logins elsewhere: the way to a service and back, and the logins that are linked to the caller's account."""

from html import escape
from typing import Annotated
from urllib.parse import quote, urlencode
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import IntegrityError
from starlette.responses import HTMLResponse, RedirectResponse

from app.backend.api import accounts, auth, forms
from app.backend.api.deps import ActorDep, PartsDep, PersonDep, ReadDep, WriteDep
from app.backend.api.parts import ApiParts
from app.backend.core.actor import Actor
from app.backend.core.errors import AppError, ReadsOnly, Unauthorized
from app.backend.identity import cookies
from app.backend.identity.errors import SecondFactorDemanded
from app.backend.identity.outside import accounts as outside
from app.backend.identity.outside import attempts, flow, issuers
from app.backend.identity.outside.attempts import Attempt
from app.backend.identity.outside.discovery import Discovery
from app.backend.identity.outside.errors import AttemptInvalid
from app.backend.identity.outside.issuers import Issuer
from app.backend.identity.outside.schemas import LinkedLoginView, Outsider
from app.backend.identity.schemas import NewSession

logger = structlog.get_logger(__name__)
router = APIRouter(prefix="/api/auth", tags=["account"])

SETTINGS_PAGE = "/settings"
_THEN_MAX = 1000  # what is longer does not fit into a cookie
_OPEN = {"security": []}
_WAYS = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><title>Sign in</title><main><h1>Sign in</h1>{links}<p><a href="/login">Sign in with a password</a></p></main></html>"""


class OutsideLogins:
    """The services of the installation, and what this process remembers of them."""

    def __init__(self, known: list[Issuer]) -> None:
        self.issuers = known
        self.discovery = Discovery()


class LinkedLogins(BaseModel):
    """The logins elsewhere that lead to the caller's account."""

    model_config = ConfigDict(frozen=True)

    items: list[LinkedLoginView]
    next_cursor: None = None


@router.get("/oauth/ways", openapi_extra=_OPEN, response_class=HTMLResponse)
async def list_ways(
    request: Request,
    then: Annotated[
        str, Query(alias="next", description="The page to come back to.")
    ] = "",
) -> HTMLResponse:
    """Show the services as plain links, for browsers that run no scripts."""
    query = urlencode({"next": _local(then)})
    links = "".join(
        f'<p><a href="/api/auth/oauth/{quote(one.key)}/start?{query}">Sign in with {escape(one.name)}</a></p>'
        for one in _outside(request).issuers
    )
    return HTMLResponse(_WAYS.format(links=links or "<p>There are none.</p>"))


@router.get("/oauth/{provider}/start", openapi_extra=_OPEN)
async def start(
    request: Request,
    parts: PartsDep,
    provider: str,
    then: Annotated[
        str, Query(alias="next", description="The page to come back to.")
    ] = "",
    link: Annotated[
        str, Query(description="What the settings page shows to link this login.")
    ] = "",
) -> Response:
    """Lead the browser to a service where its user signs in."""
    known = _outside(request)
    try:
        issuer = issuers.pick(known.issuers, provider)
        session_id = await _session_to_link(request, provider, link) if link else None
        attempt = attempts.begin(provider, then=_local(then), links_session=session_id)
        url = await flow.where_to(
            issuer,
            known.discovery,
            attempt,
            callback=issuers.callback_url(parts.settings, provider),
        )
    except AppError as error:
        return _refused(SETTINGS_PAGE if link else accounts.LOGIN_PAGE, error, then)
    response = RedirectResponse(url, 303)
    response.set_cookie(
        cookies.attempt_name(parts.keyring),
        attempts.seal(attempt, parts.keyring),
        max_age=int(attempts.LIFE.total_seconds()),
        path=issuers.CALLBACK_PATH,
        httponly=True,
        secure=parts.settings.is_secure,
        samesite="lax",
    )
    return response


@router.get("/oauth/{provider}/callback", openapi_extra=_OPEN)
async def callback(request: Request, parts: PartsDep, provider: str) -> Response:
    """Take the browser back from a service: sign in, or link the login, and go on."""
    name = cookies.attempt_name(parts.keyring)
    attempt = None
    try:
        attempt = attempts.unseal(request.cookies.get(name), parts.keyring)
        response = await _finish(request, parts, provider, attempt)
    except AppError as error:
        is_link = attempt is not None and attempt.links_session is not None
        page = SETTINGS_PAGE if is_link else accounts.LOGIN_PAGE
        response = _refused(page, error, attempt.then if attempt else "")
    response.delete_cookie(name, path=issuers.CALLBACK_PATH)
    return response


@router.get("/linked")
async def list_linked(actor: ActorDep, session: ReadDep) -> LinkedLogins:
    """List the logins elsewhere that lead to the caller's account."""
    return LinkedLogins(items=await outside.list_linked(session, actor))


@router.delete("/linked/{linked_id}", status_code=204)
async def unlink(actor: PersonDep, session: WriteDep, linked_id: UUID) -> None:
    """Let a login elsewhere not lead to the caller's account any more."""
    await outside.unlink(session, actor, linked_id=linked_id)


async def _finish(
    request: Request, parts: ApiParts, provider: str, attempt: Attempt
) -> Response:
    known = _outside(request)
    outsider = await flow.who_came(
        issuers.pick(known.issuers, provider),
        known.discovery,
        attempt,
        request.query_params,
        redis=parts.redis,
        callback=issuers.callback_url(parts.settings, provider),
    )
    if attempt.links_session is not None:
        return await _link(request, parts, attempt, outsider)
    agent = accounts.user_agent(request)
    try:
        new = await _sign_in(parts, outsider, agent)
    except IntegrityError:
        # Their first login in two windows at once: the other one has linked it meanwhile.
        new = await _sign_in(parts, outsider, agent)
    await accounts.welcome(parts, new)
    response = RedirectResponse(attempt.then, 303)
    accounts.set_login(response, parts, new)
    return response


async def _sign_in(parts: ApiParts, outsider: Outsider, user_agent: str) -> NewSession:
    async with parts.db.transaction() as session:
        return await outside.sign_in(
            session, outsider=outsider, settings=parts.settings, user_agent=user_agent
        )


async def _link(
    request: Request, parts: ApiParts, attempt: Attempt, outsider: Outsider
) -> Response:
    actor = await _need_actor(request)
    if actor.session_id != attempt.links_session:
        raise AttemptInvalid
    async with parts.db.transaction() as session:
        await outside.link(session, actor, outsider=outsider)
    return RedirectResponse(SETTINGS_PAGE, 303)


async def _session_to_link(request: Request, provider: str, ticket: str) -> UUID | None:
    actor = await _need_actor(request)
    keyring = auth.parts_of(request).keyring
    if not attempts.is_link_ticket(keyring, actor, provider, ticket):
        raise AttemptInvalid
    return actor.session_id


async def _need_actor(request: Request) -> Actor:
    actor = await auth.find_actor(request)
    if actor is None:
        raise Unauthorized
    if actor.must_add_factor:
        raise SecondFactorDemanded
    if actor.is_reading:
        raise ReadsOnly
    return actor


def _outside(request: Request) -> OutsideLogins:
    return request.app.state.outside_logins


def _local(then: str) -> str:
    path = forms.local_path(then or forms.HOME)
    return path if len(path) <= _THEN_MAX else forms.HOME


def _refused(page: str, error: AppError, then: str) -> RedirectResponse:
    logger.warning(
        "outside_login_refused", code=error.code, cause=repr(error.__cause__)
    )
    kept = {} if page == SETTINGS_PAGE or then == forms.HOME else {"next": then}
    return forms.back_to(page, error, **kept)
