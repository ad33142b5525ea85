"""A real LDAP directory on loopback: OpenLDAP's slapd, with people, groups and a certificate of its own."""

import ipaddress
import shutil
import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ldap3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.parts import Part, free_port

BASE = "dc=example,dc=org"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"
ROOT = f"cn=root,{BASE}"
READER = f"cn=reader,{BASE}"
SECRET = "secret of the directory"
ADMINS = f"cn=atelier-admins,{GROUPS}"
ADA, GRACE = f"uid=ada,{PEOPLE}", f"uid=grace,{PEOPLE}"
PASSWORD = "her password there"

_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
database mdb
suffix "{base}"
rootdn "{root}"
rootpw "{secret}"
directory {folder}/rows
maxsize 10485760
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by self read by anonymous auth by * none
"""


@dataclass
class Directory:
    """The running directory."""

    part: Part
    url: str
    tls_url: str
    ca_file: Path

    @contextmanager
    def root(self) -> Generator[ldap3.Connection, None, None]:
        """Give a connection that may change everything."""
        server = ldap3.Server(self.url, get_info=ldap3.NONE)
        root = ldap3.Connection(
            server, ROOT, SECRET, auto_bind=True, raise_exceptions=True
        )
        yield root
        root.unbind()


def start_directory(folder: Path) -> Directory:
    """Start a directory with two people, one of whom is in a group."""
    program = shutil.which("slapd", path="/usr/sbin:/usr/bin")
    if program is None:
        message = "slapd is missing. Install it, e.g. apt-get install slapd, and run the tests again."
        raise FileNotFoundError(message)
    _write_certificate(folder)
    (folder / "rows").mkdir()
    values = {"folder": folder, "base": BASE, "root": ROOT}
    text = _CONFIGURATION.format(**values, secret=SECRET, reader=READER)
    (folder / "slapd.conf").write_text(text)
    url, tls_url = (
        f"ldap://127.0.0.1:{free_port()}",
        f"ldaps://127.0.0.1:{free_port()}",
    )
    command = [program, "-f", str(folder / "slapd.conf"), "-d", "0"]
    part = Part(
        [*command, "-h", f"{url} {tls_url}"],
        log=folder / "slapd.log",
        is_ready=lambda: _answers(url),
    )
    directory = Directory(part.start(), url, tls_url, folder / "server.pem")
    with directory.root() as root:
        _fill(root)
    return directory


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=1):
        return True


def _fill(root: ldap3.Connection) -> None:
    def add(dn: str, kinds: str | list[str], **attributes: Any) -> None:
        root.add(dn, kinds, attributes)

    add(BASE, ["dcObject", "organization"], dc="example", o="Example")
    for name in (PEOPLE, GROUPS):
        add(name, "organizationalUnit")
    kinds = ["simpleSecurityObject", "organizationalRole"]
    add(READER, kinds, userPassword=SECRET)
    for dn, name in ((ADA, "Ada"), (GRACE, "Grace")):
        mail = f"{name.lower()}@example.org"
        person = {"cn": name, "sn": name, "mail": mail, "userPassword": PASSWORD}
        add(dn, "inetOrgPerson", **person)
    add(ADMINS, "groupOfNames", member=[ADA])


def _write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "directory")])
    now = datetime.now(UTC)
    address = ipaddress.ip_address("127.0.0.1")
    names = [x509.IPAddress(address), x509.DNSName("localhost")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "server.pem").write_bytes(certificate.public_bytes(pem))
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(pem, form, serialization.NoEncryption())
    (folder / "server.key").write_bytes(secret)
