"""GitHub and Discord on loopback, as far as signing in with them goes: the same paths, fields and errors."""

import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from fastapi import FastAPI, HTTPException, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from tests.login_provider import CLIENT_ID, CLIENT_SECRET


@dataclass
class CodeService:
    """What both do: give codes to browsers, and tokens for codes."""

    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    def authorize(self, request: Request) -> Response:
        """Send the browser back with a code; whoever comes has agreed."""
        asked = dict(request.query_params)
        if asked.get("client_id") != CLIENT_ID or asked["response_type"] != "code":
            raise HTTPException(404)
        code = secrets.token_hex(10)
        self.codes[code] = asked
        query = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{query}", 302)

    async def take(self, request: Request) -> str | None:
        """Return a token for the code of a request, or None when something about it is wrong."""
        form = parse_qs((await request.body()).decode())
        given = {name: values[0] for name, values in form.items()}
        asked = self.codes.pop(given.get("code", ""), None)
        is_right = (
            asked is not None
            and given.get("client_id") == CLIENT_ID
            and given.get("client_secret") == CLIENT_SECRET
            and given.get("redirect_uri") == asked["redirect_uri"]
            and asked["code_challenge_method"] == "S256"
            and create_s256_code_challenge(given.get("code_verifier", ""))
            == asked["code_challenge"]
        )
        if not is_right:
            return None
        token = f"gho_{secrets.token_hex(18)}"
        self.tokens.add(token)
        return token

    def need_token(self, request: Request) -> None:
        """Refuse a request without a token of ours."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or token not in self.tokens:
            raise HTTPException(401, "Bad credentials")


@dataclass
class GitHub(CodeService):
    """GitHub, at the paths of a GitHub Enterprise Server."""

    user: dict[str, Any] = field(
        default_factory=lambda: {
            "login": "ada",
            "id": 583231,
            "node_id": "MDQ6VXNlcjU4MzIzMQ==",
            "type": "User",
            "name": "Ada Lovelace",
            "email": None,
        }
    )
    emails: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"email": "other@example.org", "primary": False, "verified": True, "visibility": None},
            {"email": "ada@example.org", "primary": True, "verified": True, "visibility": "private"},
        ]
    )  # fmt: skip

    def app(self) -> FastAPI:
        """Return the service."""
        app = FastAPI()
        app.add_api_route("/login/oauth/authorize", self.authorize)
        app.add_api_route("/login/oauth/access_token", self._token, methods=["POST"])
        app.add_api_route("/api/v3/user", self._user)
        app.add_api_route("/api/v3/user/emails", self._emails)
        return app

    async def _token(self, request: Request) -> Response:
        token = await self.take(request)
        # GitHub answers 200 also when it refuses, and with JSON only when asked for it.
        answer = (
            {"access_token": token, "scope": "read:user,user:email", "token_type": "bearer"}
            if token
            else {"error": "bad_verification_code", "error_description": "The code passed is incorrect or expired."}
        )  # fmt: skip
        if "application/json" not in request.headers.get("accept", ""):
            return Response(urlencode(answer))
        return JSONResponse(answer)

    def _user(self, request: Request) -> dict[str, Any]:
        self.need_token(request)
        return self.user

    def _emails(self, request: Request) -> list[dict[str, Any]]:
        self.need_token(request)
        return self.emails


@dataclass
class Discord(CodeService):
    """Discord."""

    user: dict[str, Any] = field(
        default_factory=lambda: {
            "id": "80351110224678912",
            "username": "ada",
            "discriminator": "0",
            "global_name": "Ada",
            "avatar": None,
            "verified": True,
            "email": "ada@example.org",
        }
    )

    def app(self) -> FastAPI:
        """Return the service."""
        app = FastAPI()
        app.add_api_route("/oauth2/authorize", self.authorize)
        app.add_api_route("/api/oauth2/token", self._token, methods=["POST"])
        app.add_api_route("/api/users/@me", self._user)
        return app

    async def _token(self, request: Request) -> Response:
        token = await self.take(request)
        if token is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 604800}
        return JSONResponse({**answer, "scope": "identify email"})

    def _user(self, request: Request) -> dict[str, Any]:
        self.need_token(request)
        return self.user
