"""The settings of accounts: how they are made, mail, second factors, and tokens of another issuer."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from app.backend.core.login_settings import is_private

# HS256 needs a key of 256 bits (RFC 7518 §3.2).
SECRET_MIN = 32


class AccountSettings(BaseSettings):
    """Who may have an account, and how they prove who they are."""

    sign_up: Literal["closed", "invited", "domains", "open"] = Field(
        "invited",
        description="How accounts are made: only on the command line, also by invitation, also by those with an address at sign_up_domains, or by anybody.",
    )
    sign_up_domains: str = Field(
        "", description="Domains for `domains`, separated by commas; needs mail."
    )
    smtp_host: str = Field(
        "", description="Mail server; empty: the installation sends no mail."
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="How the connection to the mail server is protected; `none` only for one on your own machine.",
    )
    smtp_user: str = Field("", description="User name at the mail server.")
    smtp_password: SecretStr | None = Field(
        None, description="Password at the mail server."
    )
    smtp_sender: str = Field(
        "", description="Address that mail comes from, e.g. atelier@example.org."
    )
    admins_read: bool = Field(
        False,
        description="Lets administrators read what other people have, without changing it. Each time is in the audit.",
    )
    second_factor: Literal["optional", "admins", "all"] = Field(
        "optional",
        description="Who has to sign in with a second factor too: nobody who does not want to, administrators, or everybody. Who has none sets it up before anything else.",
    )
    jwt_issuer: str = Field(
        "",
        description="Issuer whose tokens the API takes too, as their `iss` has it, e.g. https://example.supabase.co/auth/v1.",
    )
    jwt_audience: str = Field(
        "", description="What such tokens must have as their `aud`."
    )
    jwt_jwks_url: str = Field(
        "", description="Where the issuer has its public keys (JWKS)."
    )
    jwt_secret: SecretStr | None = Field(
        None,
        description="Secret that the issuer signs with (HS256), in the place of public keys.",
    )
    jwt_emails_proved: bool = Field(
        False,
        description="Whether the issuer proves each address before it gives a token, though the token does not say so (`email_verified`).",
    )

    @model_validator(mode="after")
    def _check_mail(self) -> Self:
        if self.smtp_host and not self.smtp_sender:
            message = "ATELIER_SMTP_HOST is set; set ATELIER_SMTP_SENDER too, the address that mail comes from"
            raise ValueError(message)
        if self.sign_up == "domains" and not (self.has_mail and self.domains):
            message = "ATELIER_SIGN_UP is domains, which proves addresses by mail; set ATELIER_SIGN_UP_DOMAINS, ATELIER_SMTP_HOST and ATELIER_SMTP_SENDER too"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _check_issuer(self) -> Self:
        if not self.jwt_issuer:
            return self
        if not self.jwt_audience or bool(self.jwt_jwks_url) == bool(self.jwt_secret):
            message = "ATELIER_JWT_ISSUER is set; set ATELIER_JWT_AUDIENCE too, and one of ATELIER_JWT_JWKS_URL and ATELIER_JWT_SECRET"
            raise ValueError(message)
        if self.jwt_jwks_url and not is_private(self.jwt_jwks_url):
            message = (
                "ATELIER_JWT_JWKS_URL must begin with https://, or be on this machine"
            )
            raise ValueError(message)
        if self.jwt_secret and len(self.jwt_secret.get_secret_value()) < SECRET_MIN:
            message = f"ATELIER_JWT_SECRET is too short to sign with; it needs {SECRET_MIN} characters"
            raise ValueError(message)
        return self

    @property
    def has_mail(self) -> bool:
        """Whether the installation can send mail."""
        return bool(self.smtp_host)

    @property
    def domains(self) -> list[str]:
        """Domains whose people may sign up."""
        listed = (name.strip().lower() for name in self.sign_up_domains.split(","))
        return [name.removeprefix("@") for name in listed if name]
