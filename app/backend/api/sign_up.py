"""Routes of those who have no account yet, or no password any more: the answer never tells which addresses are known."""

from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse

from app.backend.api import forms
from app.backend.api.deps import PartsDep
from app.backend.api.parts import ApiParts
from app.backend.core.errors import AppError
from app.backend.identity import sign_up, tries
from app.backend.identity.errors import NoMail
from app.backend.identity.schemas import Forgetful, SignUpDraft

router = APIRouter(prefix="/api/auth", tags=["account"])

SIGN_UP_PAGE = "/signup"
FORGOT_PASSWORD_PAGE = "/forgot-password"  # noqa: S105 - a path
LOGIN_PAGE = "/login"
_LOOK = "If this address can have an account, a letter with a link is on its way to it."
_SIGN_IN = "If this address was free, the account is made. Sign in with it."


@router.post("/signup", status_code=202, openapi_extra=forms.form_or_json(SignUpDraft))
async def make_account(request: Request, parts: PartsDep) -> Response:
    """Make an account; with mail it begins with the link in a letter, and the answer is the same for a taken address."""
    given = await forms.read(request)
    try:
        sign_up.check_open(parts.settings)
        draft = given.parse(SignUpDraft)
        sign_up.check_allowed(parts.settings, draft.email)
        if not parts.settings.has_mail:
            await _sign_up(parts, draft)
    except AppError as error:
        if not given.is_form:
            raise
        email = str(given.fields.get("email", ""))
        return forms.back_to(SIGN_UP_PAGE, error, email=email)
    if parts.settings.has_mail:
        later = BackgroundTask(_sign_up, parts, draft)
        return _answer(given, SIGN_UP_PAGE, _LOOK, later)
    return _answer(given, LOGIN_PAGE, _SIGN_IN, None)


@router.post(
    "/forgot-password", status_code=202, openapi_extra=forms.form_or_json(Forgetful)
)
async def forgot_password(request: Request, parts: PartsDep) -> Response:
    """Send a link for a new password to an address, if it has an account; the answer does not tell."""
    given = await forms.read(request)
    try:
        asked = given.parse(Forgetful)
        if not parts.settings.has_mail:
            raise NoMail
    except AppError as error:
        if not given.is_form:
            raise
        return forms.back_to(FORGOT_PASSWORD_PAGE, error)
    later = BackgroundTask(_send_new_password, parts, asked.email)
    return _answer(given, FORGOT_PASSWORD_PAGE, _LOOK, later)


def _answer(
    given: forms.Given, page: str, message: str, later: BackgroundTask | None
) -> Response:
    # What depends on the address is done after the answer, so that its time does not tell either.
    response: Response = (
        forms.go_on(page, done="1")
        if given.is_form
        else JSONResponse({"message": message}, 202)
    )
    response.background = later
    return response


async def _sign_up(parts: ApiParts, draft: SignUpDraft) -> None:
    if not parts.settings.has_mail:
        await tries.count_sign_up(parts.redis)
    elif not await tries.may_write(parts.redis, draft.email):
        return
    async with parts.db.transaction() as session:
        await sign_up.sign_up(session, draft=draft, parts=parts)


async def _send_new_password(parts: ApiParts, email: str) -> None:
    if not await tries.may_write(parts.redis, email):
        return
    async with parts.db.transaction() as session:
        await sign_up.ask_for_new_password(session, email=email, parts=parts)
