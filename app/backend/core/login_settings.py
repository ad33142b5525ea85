"""The settings of one OpenID Connect issuer, which come as JSON."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from app.backend.core.actor import Role

# Keys of the services that have settings of their own.
RESERVED_KEYS = frozenset({"discord", "github", "google", "ldap"})

# Which role somebody gets: by the name of a claim, then by one of its values.
RoleRules = dict[str, dict[str, Role]]


def is_private(url: str) -> bool:
    """Tell whether nobody on the way can read or change what is said at `url`: by TLS, or on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and _is_here(parts.hostname or "")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _check_url(url: str) -> str:
    if not is_private(url):
        message = f"{url!r} must begin with https://"
        raise ValueError(message)
    return url


def _check_directory(url: str) -> str:
    if url and (
        urlsplit(url).scheme not in ("ldap", "ldaps") or not urlsplit(url).hostname
    ):
        message = f"{url!r} must begin with ldap:// or ldaps://"
        raise ValueError(message)
    return url


LdapUrl = Annotated[str, AfterValidator(_check_directory)]
PrivateUrl = Annotated[str, AfterValidator(_check_url)]


class OidcIssuer(BaseModel):
    """An OpenID Connect issuer that people may sign in with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(pattern=r"^[a-z][a-z0-9-]{0,29}$")
    name: str = Field(min_length=1, max_length=40)
    issuer: PrivateUrl
    client_id: str = Field(min_length=1)
    client_secret: SecretStr | None = None
    scopes: str = "openid email profile"
    trust_email: bool = False
    sign_up: bool = False
    roles: RoleRules = Field(default_factory=dict[str, dict[str, Role]])


def _check_keys(issuers: list[OidcIssuer]) -> list[OidcIssuer]:
    keys = [issuer.key for issuer in issuers]
    for key in keys:
        if key in RESERVED_KEYS or keys.count(key) > 1:
            message = f"the key {key!r} is taken; give each issuer another one"
            raise ValueError(message)
    return issuers


OidcIssuers = Annotated[list[OidcIssuer], AfterValidator(_check_keys)]
