"""The route where programs get tokens: with a password, then with the refresh token of the time before."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.backend.api import accounts, forms
from app.backend.api.accounts import Login
from app.backend.api.deps import PartsDep
from app.backend.api.parts import ApiParts
from app.backend.identity import tokens
from app.backend.identity.errors import RefreshTokenInvalid
from app.backend.identity.schemas import NewTokens

router = APIRouter(prefix="/api/auth", tags=["account"])


class Refresh(BaseModel):
    """The refresh token of the answer before."""

    model_config = ConfigDict(frozen=True)

    refresh_token: SecretStr = Field(min_length=1, max_length=200)


@router.post("/token", openapi_extra=forms.form_or_json(Login, Refresh))
async def get_tokens(request: Request, parts: PartsDep) -> NewTokens:
    """Begin a login of a program, or go on with it: an access token for minutes, and a token that gets the next one.

    Send `email` and `password` (and `code`), or `refresh_token`.
    """
    given = await forms.read(request)
    if "refresh_token" in given.fields:
        return await _refresh(parts, given.parse(Refresh))
    agent = accounts.user_agent(request)
    new = await accounts.check_in(parts, given.parse(Login), agent)
    async with parts.db.transaction() as session:
        made = await tokens.issue(
            session,
            owner_id=new.user.id,
            session_id=new.session_id,
            keyring=parts.keyring,
        )
    await accounts.welcome(parts, new)
    return made


async def _refresh(parts: ApiParts, asked: Refresh) -> NewTokens:
    async with parts.db.transaction() as session:
        made = await tokens.refresh(
            session, token=asked.refresh_token.get_secret_value(), keyring=parts.keyring
        )
    # Only now: what a used token ends has to be committed.
    if made is None:
        raise RefreshTokenInvalid
    return made
