"""The services that people may sign in with, as the settings name them."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.backend.core.actor import Role
from app.backend.core.errors import NotFound
from app.backend.core.login_settings import RoleRules
from app.backend.core.settings import Settings

GOOGLE = "https://accounts.google.com"
GITHUB = "https://github.com"
DISCORD = "https://discord.com"
DIRECTORY = "ldap"
CALLBACK_PATH = "/api/auth/oauth"


class Kind(StrEnum):
    """What a service speaks: OpenID Connect, or OAuth 2.0 with an API of its own."""

    OIDC = "oidc"
    GITHUB = "github"
    DISCORD = "discord"


class Issuer(BaseModel):
    """A service whose word counts for who somebody is.

    Those that speak OpenID Connect tell their endpoints themselves, the others have them here.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    name: str
    kind: Kind
    issuer: str
    client_id: str
    client_secret: SecretStr | None
    scopes: str
    trust_email: bool = False
    sign_up: bool = False
    roles: RoleRules = Field(default_factory=dict[str, dict[str, Role]])
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    api_url: str = ""


def list_issuers(settings: Settings) -> list[Issuer]:
    """Return the services that have a client id, in the order of the login page."""
    issuers = [
        Issuer(kind=Kind.OIDC, **dict(issuer)) for issuer in settings.oidc_issuers
    ]
    if settings.google_client_id:
        issuers.append(_google(settings))
    if settings.github_client_id:
        issuers.append(_github(settings))
    if settings.discord_client_id:
        issuers.append(_discord(settings))
    return issuers


def callback_url(settings: Settings, key: str) -> str:
    """Return where a service sends people back to; it has to know this address."""
    return f"{settings.web_address}{CALLBACK_PATH}/{key}/callback"


def name_of(settings: Settings, provider: str) -> str:
    """Return how people call a service; one that the settings no longer have goes by its key."""
    names = {issuer.key: issuer.name for issuer in list_issuers(settings)}
    names[DIRECTORY] = "Directory"
    return names.get(provider, provider)


def pick(issuers: list[Issuer], key: str) -> Issuer:
    """Return the service with that key.

    Raises:
        NotFound: the settings have none.
    """
    for issuer in issuers:
        if issuer.key == key:
            return issuer
    raise NotFound("login", key)


def _google(settings: Settings) -> Issuer:
    return Issuer(
        key="google",
        name="Google",
        kind=Kind.OIDC,
        issuer=GOOGLE,
        client_id=settings.google_client_id,
        client_secret=settings.google_client_secret,
        scopes="openid email profile",
    )


def _github(settings: Settings) -> Issuer:
    url = settings.github_url.rstrip("/")
    return Issuer(
        key="github",
        name="GitHub",
        kind=Kind.GITHUB,
        issuer=f"{url}/login/oauth",
        client_id=settings.github_client_id,
        client_secret=settings.github_client_secret,
        scopes="read:user user:email",
        authorization_endpoint=f"{url}/login/oauth/authorize",
        token_endpoint=f"{url}/login/oauth/access_token",
        api_url="https://api.github.com" if url == GITHUB else f"{url}/api/v3",
    )


def _discord(settings: Settings) -> Issuer:
    return Issuer(
        key="discord",
        name="Discord",
        kind=Kind.DISCORD,
        issuer=DISCORD,
        client_id=settings.discord_client_id,
        client_secret=settings.discord_client_secret,
        scopes="identify email",
        authorization_endpoint=f"{DISCORD}/oauth2/authorize",
        token_endpoint=f"{DISCORD}/api/oauth2/token",
        api_url=f"{DISCORD}/api",
    )
