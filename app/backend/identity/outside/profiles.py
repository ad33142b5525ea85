"""Who the owner of an access token is, at services that have an API instead of ID tokens."""

from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from app.backend.identity.outside.discovery import fetch_json
from app.backend.identity.outside.errors import IssuerAway
from app.backend.identity.outside.issuers import Issuer, Kind
from app.backend.identity.outside.schemas import Outsider


class _GitHubUser(BaseModel):
    id: int
    login: str
    name: str | None = None


class _GitHubEmail(BaseModel):
    email: str
    primary: bool
    verified: bool


class _DiscordUser(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: str
    username: str
    global_name: str | None = None
    email: str | None = None
    verified: bool = False


_EMAILS = TypeAdapter(list[_GitHubEmail])


async def fetch_profile(issuer: Issuer, token: str) -> Outsider:
    """Return whom an access token belongs to.

    Raises:
        IssuerAway: the service does not say.
    """
    try:
        if issuer.kind is Kind.GITHUB:
            return await _github(issuer, token)
        return await _discord(issuer, token)
    except ValidationError as error:
        raise IssuerAway(issuer.key) from error


async def _github(issuer: Issuer, token: str) -> Outsider:
    user = _GitHubUser.model_validate(await _get(issuer, "/user", token))
    emails = _EMAILS.validate_python(await _get(issuer, "/user/emails", token))
    primary = next((email for email in emails if email.primary), None)
    return Outsider(
        provider=issuer.key,
        issuer=issuer.issuer,
        subject=str(user.id),
        email=primary.email if primary else "",
        is_email_proved=primary is not None and primary.verified,
        name=user.name or user.login,
    )


async def _discord(issuer: Issuer, token: str) -> Outsider:
    user = _DiscordUser.model_validate(await _get(issuer, "/users/@me", token))
    return Outsider(
        provider=issuer.key,
        issuer=issuer.issuer,
        subject=user.id,
        email=user.email or "",
        is_email_proved=user.verified,
        name=user.global_name or user.username,
    )


async def _get(issuer: Issuer, path: str, token: str) -> Any:
    return await fetch_json(f"{issuer.api_url}{path}", issuer, token=token)
