"""The letters that the installation writes."""

from datetime import timedelta

from app.backend.core.settings import Settings
from app.backend.identity.mail import Letter

CHOOSE_PASSWORD_PAGE = "/choose-password"  # noqa: S105 - a path
_FOOT = (
    "If you did not expect this letter, do nothing: without the link nothing happens."
)


def choose_password_link(settings: Settings, token: str) -> str:
    """Return the address of the page where a one-time link sets a password."""
    return f"{settings.web_address}{CHOOSE_PASSWORD_PAGE}?token={token}"


def invitation(settings: Settings, email: str, token: str, life: timedelta) -> Letter:
    """Return the letter to somebody whom an administrator has invited."""
    return _with_link(
        settings,
        email,
        token,
        subject="You are invited to Atelier",
        text=f"You are invited to Atelier at {settings.web_address}. Choose your password here:",
        life=life,
    )


def welcome(settings: Settings, email: str, token: str, life: timedelta) -> Letter:
    """Return the letter that proves the address of somebody who signs up."""
    return _with_link(
        settings,
        email,
        token,
        subject="Your account at Atelier",
        text=f"Somebody, hopefully you, wants an account at {settings.web_address} with this address. Choose your password here, and the account is yours:",
        life=life,
    )


def new_password(settings: Settings, email: str, token: str, life: timedelta) -> Letter:
    """Return the letter to somebody who has forgotten their password, or signs up though they have an account."""
    return _with_link(
        settings,
        email,
        token,
        subject="A new password for Atelier",
        text=f"You have an account at {settings.web_address}. Somebody, hopefully you, asked to choose a new password for it. Do so here; it signs you out everywhere else:",
        life=life,
    )


def _with_link(
    settings: Settings,
    email: str,
    token: str,
    *,
    subject: str,
    text: str,
    life: timedelta,
) -> Letter:
    hours = life // timedelta(hours=1)
    time = "an hour" if hours == 1 else f"{hours} hours"
    parts = (
        text,
        choose_password_link(settings, token),
        f"The link works once, for {time}.",
        _FOOT,
    )
    return Letter(recipient=email, subject=subject, text="\n\n".join(parts) + "\n")
