"""An OpenID Connect provider on loopback, made of Authlib's server side: it checks PKCE, the secret and the redirect."""

import base64
import hmac
import json
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import AuthorizationCodeMixin
from authlib.oidc.core.grants import OpenIDCode
from fastapi import FastAPI, Request, Response
from joserfc import jwt
from joserfc.jwk import RSAKey
from typing_extensions import override

from tests.asgi import served

CLIENT_ID = "atelier"
CLIENT_SECRET = "a-secret-of-the-client"


class _Request(OAuth2Request):
    def __init__(self, request: Request, form: dict[str, str]) -> None:
        # As behind a proxy with TLS.
        url = str(request.url).replace("http://", "https://", 1)
        super().__init__(request.method, url, headers=request.headers)
        self._form = form
        self._args = dict(request.query_params)
        self.sent = {**self._args, **form}
        self.payload = BasicOAuth2Payload(self.sent)

    @property
    @override
    def args(self) -> dict[str, str]:
        return self._args

    @property
    @override
    def form(self) -> dict[str, str]:
        return self._form


@dataclass
class _Client(ClientMixin):
    redirect_uri: str

    @override
    def get_client_id(self) -> str:
        return CLIENT_ID

    @override
    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    @override
    def get_allowed_scope(self, scope: str) -> str:
        return scope

    @override
    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    @override
    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(client_secret, CLIENT_SECRET)

    @override
    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    @override
    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    @override
    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class _Code(AuthorizationCodeMixin):
    code: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    person: dict[str, Any]

    @override
    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    @override
    def get_scope(self) -> str:
        return self.scope

    @override
    def get_nonce(self) -> str:
        return self.nonce

    @override
    def get_auth_time(self) -> int:
        return int(time.time())

    @override
    def get_acr(self) -> None:
        return None

    @override
    def get_amr(self) -> None:
        return None


class _Grant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]
    server: "_Server"

    @override
    def save_authorization_code(self, code: str, request: _Request) -> None:
        data: dict[str, str] = request.sent
        self.server.provider.codes[code] = _Code(
            code=code,
            redirect_uri=data["redirect_uri"],
            scope=data["scope"],
            nonce=data.get("nonce", ""),
            code_challenge=data["code_challenge"],
            code_challenge_method=data["code_challenge_method"],
            person=dict(request.user or {}),
        )

    @override
    def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
        return self.server.provider.codes.get(code)

    @override
    def delete_authorization_code(self, authorization_code: _Code) -> None:
        del self.server.provider.codes[authorization_code.code]

    @override
    def authenticate_user(self, authorization_code: _Code) -> dict[str, Any]:
        return authorization_code.person


class _Challenge(CodeChallenge):
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    @override
    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        super().validate_code_challenge(grant, redirect_uri)
        if grant.request.payload.data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("This provider wants PKCE with S256.")


class _IdTokens(OpenIDCode):
    def __init__(self, provider: "LoginProvider") -> None:
        super().__init__(require_nonce=True)
        self._provider = provider

    @override
    def exists_nonce(self, nonce: str, request: _Request) -> bool:
        return any(code.nonce == nonce for code in self._provider.codes.values())

    @override
    def resolve_client_private_key(self, client: _Client) -> RSAKey:
        return self._provider.key

    @override
    def get_encode_header(self, client: _Client) -> dict[str, str]:
        return {"alg": "RS256", "kid": str(self._provider.key.kid)}

    @override
    def get_client_claims(self, client: _Client) -> dict[str, Any]:
        return {"iss": self._provider.address, "aud": [CLIENT_ID]}

    @override
    def generate_user_info(self, user: dict[str, Any], scope: str) -> dict[str, Any]:
        hidden = self._provider.only_in_userinfo
        return {name: value for name, value in user.items() if name not in hidden}

    @override
    def encode_id_token(self, token: dict[str, Any], request: _Request) -> str:
        text = super().encode_id_token(token, request)
        return self._provider.forged(text)


class _Issuer(IssuerParameter):
    def __init__(self, server: "_Server") -> None:
        self._provider = server.provider
        self(server)

    @override
    def get_issuer(self) -> str | None:
        return self._provider.address if self._provider.says_issuer else None


class _Response(Response):
    @property
    def location(self) -> str:
        """Where the browser goes, which Authlib completes."""
        return self.headers.get("location", "")

    @location.setter
    def location(self, url: str) -> None:
        self.headers["location"] = url


def _make_token(**asked: Any) -> dict[str, Any]:
    return {
        "access_token": secrets.token_urlsafe(24),
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": asked["scope"],
    }


class _Server(AuthorizationServer):
    def __init__(self, provider: "LoginProvider") -> None:
        super().__init__()
        self.provider = provider
        make_token: Any = _make_token
        self.register_token_generator("default", make_token)
        self.register_grant(_Grant, [_IdTokens(provider), _Challenge()])

    @override
    def query_client(self, client_id: str) -> _Client | None:
        return self.provider.client if client_id == CLIENT_ID else None

    @override
    def save_token(self, token: dict[str, Any], request: _Request) -> None:
        self.provider.tokens[token["access_token"]] = dict(request.user or {})

    @override
    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    @override
    def handle_response(self, status: int, body: Any, headers: Any) -> Response:
        text = json.dumps(body) if isinstance(body, dict) else body
        return _Response(text, status, headers=dict(headers))

    @override
    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""


@cache
def _make_key(number: int) -> RSAKey:
    """Return a key of its own for each number; making one takes long."""
    return RSAKey.generate_key(2048, {"kid": f"key-{number}"})


@dataclass
class LoginProvider:
    """The provider; whoever comes is `person`, and agrees. The rest is how it may misbehave."""

    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "1001",
            "email": "ada@example.org",
            "email_verified": True,
            "name": "Ada",
        }
    )
    address: str = ""
    redirect_uri: str = ""
    says_issuer: bool = True
    only_in_userinfo: set[str] = field(default_factory=set)
    claims: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    metadata: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: _make_key(1))
    codes: dict[str, _Code] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def client(self) -> _Client:
        """The client that is registered here."""
        return _Client(self.redirect_uri)

    @classmethod
    @asynccontextmanager
    async def started(
        cls, redirect_uri: str, *, number: int = 1
    ) -> AsyncGenerator["LoginProvider", None]:
        """Serve a provider that sends browsers back to `redirect_uri` and nowhere else."""
        provider = cls(redirect_uri=redirect_uri, key=_make_key(number))
        async with served(_app(provider)) as provider.address:
            yield provider

    def setting(self, **more: Any) -> dict[str, Any]:
        """Return it as an entry of ATELIER_OIDC_ISSUERS."""
        known = {"key": "company", "name": "Company", "issuer": self.address}
        known |= {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return known | more

    def forged(self, text: str) -> str:
        """Return an ID token as it would be if this provider, or whoever stands between, were not honest."""
        if not self.claims and self.algorithm == "RS256":
            return text
        payload = text.split(".")[1]
        claims = json.loads(
            base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        )
        claims |= self.claims
        header = {"alg": self.algorithm, "kid": str(self.key.kid)}
        if self.algorithm == "none":
            return f"{_encoded(header)}.{_encoded(claims)}."
        if self.algorithm == "HS256":
            # The public key, which everybody knows, as a shared secret.
            secret = self.key.as_pem(private=False)
            signed = f"{_encoded(header)}.{_encoded(claims)}"
            signature = hmac.digest(secret, signed.encode(), "sha256")
            return f"{signed}.{_base64(signature)}"
        return jwt.encode(header, claims, self.key, [self.algorithm])


def _app(provider: LoginProvider) -> FastAPI:
    app = FastAPI()
    server: Any = _Server(provider)
    server.register_extension(_Issuer)

    @app.get("/.well-known/openid-configuration")
    def metadata() -> dict[str, Any]:
        return _metadata(provider)

    @app.get("/keys")
    def keys() -> dict[str, Any]:
        return {"keys": [provider.key.as_dict(private=False)]}

    @app.get("/authorize")
    def authorize(request: Request) -> Response:
        asked = _Request(request, {})
        try:
            grant = server.get_consent_grant(asked, provider.person)
        except OAuth2Error as error:
            return server.handle_error_response(asked, error)
        return server.create_authorization_response(asked, provider.person, grant)

    @app.post("/token")
    async def token(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        return server.create_token_response(_Request(request, form))

    @app.get("/userinfo")
    def userinfo(request: Request) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        person = provider.tokens.get(given)
        if person is None:
            return Response(status_code=401)
        return Response(json.dumps(person), media_type="application/json")

    return app


def _metadata(provider: LoginProvider) -> dict[str, Any]:
    address = provider.address
    return {
        "issuer": address,
        "authorization_endpoint": f"{address}/authorize",
        "token_endpoint": f"{address}/token",
        "jwks_uri": f"{address}/keys",
        "userinfo_endpoint": f"{address}/userinfo",
        "response_types_supported": ["code"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        "authorization_response_iss_parameter_supported": True,
        **provider.metadata,
    }


def _encoded(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
