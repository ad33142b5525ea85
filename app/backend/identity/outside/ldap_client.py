"""LDAP as ldap3 speaks it (RFC 4511): blocking, for a thread; imported where somebody signs in this way, and not before."""

import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ldap3
import structlog
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn
from typing_extensions import override

from app.backend.core.settings import Settings

logger = structlog.get_logger(__name__)

# What ldap3 raises, and what TLS and sockets do.
FAILURES = (LDAPException, OSError)
_SECONDS = 5
_LOGIN, _DN = "{login}", "{dn}"
_ANY = "(objectClass=*)"


@dataclass(frozen=True)
class Entry:
    """A person of the directory; `subject` names them for good, whatever becomes of their name."""

    subject: str
    email: str
    name: str
    groups: list[str]


@dataclass(frozen=True)
class _Found:
    dn: str
    attributes: Mapping[str, list[str]]

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        return self.attributes.get(name.lower(), [])


class _Tls(ldap3.Tls):
    """TLS as Python's own library does it: it checks certificate and name, which ldap3 does by code of its own."""

    def __init__(self, ca_file: Path | None) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = ssl.create_default_context(cafile=ca_file)

    @override
    def wrap_socket(
        self, connection: ldap3.Connection, do_handshake: bool = False
    ) -> None:
        connection.socket = self._context.wrap_socket(
            connection.socket,
            server_hostname=connection.server.host,
            do_handshake_on_connect=do_handshake,
        )


def check(settings: Settings) -> None:
    """Connect as one does to search people.

    Raises:
        LDAPException, OSError: the directory does not answer, or does not let us ask.
    """
    with _asking(settings):
        pass


def find_entry(settings: Settings, login: str, password: str) -> Entry | None:
    """Return the person whose password it is, or None.

    Raises:
        LDAPException, OSError: the directory does not answer, or does not let us ask.
    """
    if settings.ldap_user_dn:
        dn = settings.ldap_user_dn.replace(_LOGIN, escape_rdn(login))
        with _connected(settings, dn, password) as user:
            if not _bind_user(user):
                return None
            return _read(settings, user, _get(settings, user, dn))
    with _asking(settings) as asking:
        found = _search_person(settings, asking, login)
        if found is None:
            return None
        with _connected(settings, found.dn, password) as user:
            if not _bind_user(user):
                return None
        return _read(settings, asking, found)


@contextmanager
def _asking(settings: Settings) -> Generator[ldap3.Connection, None, None]:
    secret = settings.ldap_bind_password
    password = secret.get_secret_value() if secret else None
    with _connected(settings, settings.ldap_bind_dn or None, password) as asking:
        # Where people bind without being searched, nobody else has to.
        if not settings.ldap_user_dn and not asking.bind():
            said = asking.result["description"]
            message = f"it refuses ATELIER_LDAP_BIND_DN: {said}"
            raise LDAPException(message)
        yield asking


@contextmanager
def _connected(
    settings: Settings, dn: str | None, password: str | None
) -> Generator[ldap3.Connection, None, None]:
    server = ldap3.Server(
        settings.ldap_url,
        get_info=ldap3.NONE,
        tls=_Tls(settings.ldap_ca_file),
        connect_timeout=_SECONDS,
    )
    connection = ldap3.Connection(
        server,
        user=dn,
        password=password,
        authentication=ldap3.SIMPLE if dn else ldap3.ANONYMOUS,
        # A referral would carry the password to a server that nobody chose.
        auto_referrals=False,
        receive_timeout=_SECONDS,
        read_only=True,
    )
    try:
        connection.open()
        if settings.ldap_start_tls and not server.ssl:
            connection.start_tls()
        yield connection
    finally:
        connection.unbind()
        if connection.socket is not None:
            # One that was refused is left open.
            connection.socket.close()


def _bind_user(connection: ldap3.Connection) -> bool:
    # A wrong password, an unknown name and a name that is none all look the same.
    return bool(connection.bind())


def _search_person(
    settings: Settings, connection: ldap3.Connection, login: str
) -> _Found | None:
    wanted = settings.ldap_filter.replace(_LOGIN, escape_filter_chars(login))
    found = _search(connection, settings.ldap_base_dn, wanted, _attributes(settings))
    if len(found) > 1:
        logger.warning("directory_knows_several", count=len(found))
    return found[0] if len(found) == 1 else None


def _get(settings: Settings, connection: ldap3.Connection, dn: str) -> _Found:
    found = _search(connection, dn, _ANY, _attributes(settings), scope=ldap3.BASE)
    if not found:
        message = f"The directory does not let {dn!r} read its own entry."
        raise LDAPException(message)
    return found[0]


def _read(settings: Settings, connection: ldap3.Connection, found: _Found) -> Entry:
    groups = found.all(settings.ldap_group_attribute)
    if settings.ldap_group_base_dn:
        wanted = settings.ldap_group_filter.replace(_DN, escape_filter_chars(found.dn))
        listed = _search(
            connection, settings.ldap_group_base_dn, wanted, [ldap3.NO_ATTRIBUTES]
        )
        groups = [*groups, *(group.dn for group in listed)]
    return Entry(
        subject=found.first(settings.ldap_id_attribute) or found.dn.lower(),
        email=found.first(settings.ldap_email_attribute),
        name=found.first(settings.ldap_name_attribute),
        groups=groups,
    )


def _search(
    connection: ldap3.Connection,
    base: str,
    wanted: str,
    attributes: list[str],
    *,
    scope: Any = ldap3.SUBTREE,
) -> list[_Found]:
    connection.search(
        base, wanted, search_scope=scope, attributes=attributes, size_limit=100
    )
    return [
        _Found(entry["dn"], _texts(entry["raw_attributes"]))
        for entry in connection.response or []
        if entry["type"] == "searchResEntry"
    ]


def _attributes(settings: Settings) -> list[str]:
    return [
        settings.ldap_id_attribute,
        settings.ldap_email_attribute,
        settings.ldap_name_attribute,
        settings.ldap_group_attribute,
    ]


def _texts(raw: Mapping[str, list[bytes]]) -> dict[str, list[str]]:
    return {
        name.lower(): [_text(value) for value in values] for name, values in raw.items()
    }


def _text(value: bytes) -> str:
    # Some ids are bytes, such as Active Directory's objectGUID.
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()
