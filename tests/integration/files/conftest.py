"""A real S3 server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.backend.core.settings import Settings
from tests.servers import S3_KEY, serve_s3
from tests.stack import settings_of

SECRET = "atelier-secret"


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    with serve_s3(SECRET) as url:
        yield url


@pytest.fixture
def s3_settings(s3_url: str, tmp_path: Path) -> Settings:
    return settings_of(
        tmp_path,
        object_store="s3",
        s3_endpoint=s3_url,
        s3_bucket="documents",
        s3_access_key=SecretStr(S3_KEY),
        s3_secret_key=SecretStr(SECRET),
    )
