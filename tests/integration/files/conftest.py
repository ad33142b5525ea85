"""A real S3 server."""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from app.backend.core.settings import Settings
from tests.parts import Part, free_port
from tests.stack import settings_of

KEY, SECRET = "atelier-key", "atelier-secret"
_PORTS = ("master", "volume", "filer", "admin", "s3")
_RIGHTS = ["Admin", "Read", "Write", "List", "Tagging"]


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="atelier-s3-") as created:
        folder, port = Path(created), free_port()
        identity = {
            "name": "atelier",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": _RIGHTS,
        }
        config = folder / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        url = f"http://127.0.0.1:{port}"
        part = Part(
            [
                *(
                    str(Path(sys.executable).parent / "weed"),
                    "mini",
                    f"-dir={folder}",
                    "-ip=127.0.0.1",
                ),
                *("-ip.bind=127.0.0.1", f"-s3.port={port}", f"-s3.config={config}"),
                *("-admin.ui=false", "-master.telemetry=false", "-webdav=false"),
                *(f"-{name}.port={free_port()}" for name in _PORTS[:-1]),
                *(f"-{name}.port.grpc={free_port()}" for name in _PORTS),
            ],
            log=folder / "weed.log",
            is_ready=lambda: httpx.get(url).status_code < 500,
        ).start()
        yield url
        part.stop()


@pytest.fixture
def s3_settings(s3_url: str, tmp_path: Path) -> Settings:
    return settings_of(
        tmp_path,
        object_store="s3",
        s3_endpoint=s3_url,
        s3_bucket="documents",
        s3_access_key=SecretStr(KEY),
        s3_secret_key=SecretStr(SECRET),
    )
