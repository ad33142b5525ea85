"""The cookie that carries a login: its name per installation, and how it is set and read."""

from http.cookies import CookieError, SimpleCookie

from app.backend.core.crypto import Keyring


def cookie_name(keyring: Keyring) -> str:
    """Return the name of the login's cookie; cookies ignore ports, so each installation has its own."""
    return f"atelier_session_{keyring.derive('installation').hex()[:8]}"


def challenge_name(keyring: Keyring) -> str:
    """Return the name of the cookie that a browser has between the password and the second factor."""
    return f"{cookie_name(keyring)}_code"


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
