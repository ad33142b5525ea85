"""The cookie that carries a login: its name per installation, and how it is set and read."""

from http.cookies import CookieError, SimpleCookie

from app.backend.core.crypto import Keyring
from app.backend.core.errors import AppError

_SEALED = "sealed:"
_PURPOSE = "cookies"


def cookie_name(keyring: Keyring) -> str:
    """Return the name of the login's cookie; cookies ignore ports, so each installation has its own."""
    return f"atelier_session_{keyring.derive('installation').hex()[:8]}"


def challenge_name(keyring: Keyring) -> str:
    """Return the name of the cookie that a browser has between the password and the second factor."""
    return f"{cookie_name(keyring)}_code"


def attempt_name(keyring: Keyring) -> str:
    """Return the name of the cookie of a sign-in elsewhere that has begun."""
    return f"atelier_sign_in_{keyring.derive('installation').hex()[:8]}"


def token_from_cookies(cookie_header: str, keyring: Keyring) -> str | None:
    """Return the login's token from the value of a `Cookie` header."""
    return find_cookie(cookie_header, cookie_name(keyring))


def find_cookie(cookie_header: str, name: str) -> str | None:
    """Return one cookie from the value of a `Cookie` header."""
    cookies: SimpleCookie = SimpleCookie()
    for part in cookie_header.split(";"):
        # One by one: a cookie of another program that cannot be parsed must not hide ours.
        try:
            cookies.load(part.strip())
        except CookieError:
            continue
    found = cookies.get(name)
    return found.value if found and found.value else None


def seal_header(cookie_header: str, keyring: Keyring) -> str:
    """Return a `Cookie` header that says nothing to whoever reads it.

    What comes over the websocket of the pages is kept with the state of each tab, which lies in Redis.
    """
    return _SEALED + keyring.encrypt(_PURPOSE, cookie_header)


def open_header(cookie_header: str, keyring: Keyring) -> str:
    """Return what `seal_header` was given; a header that is not sealed is returned as it is."""
    if not cookie_header.startswith(_SEALED):
        return cookie_header
    try:
        return keyring.decrypt(_PURPOSE, cookie_header.removeprefix(_SEALED))
    except AppError:  # lint-skip: edge-catch
        # Somebody made it up: it carries no login.
        return ""
