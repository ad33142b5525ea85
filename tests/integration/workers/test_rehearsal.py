"""What a rehearsal leaves in memory for those who are forked after it."""

import sys
from pathlib import Path

import pytest

from app.workers import rehearsal
from tests.stack import settings_of

VAULT = "app.backend.secrets.vault"


@pytest.mark.parametrize(
    ("url", "is_there"), [("", False), ("http://127.0.0.1:1", True)]
)
async def test_client_of_vault_is_there_for_those_who_have_one(
    url: str, is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, VAULT, raising=False)

    # Nothing of Redis is asked.
    nobody = "redis://127.0.0.1:1/0"
    settings = settings_of(tmp_path, vault_url=url, redis_url=nobody)
    await rehearsal.rehearse(settings)

    assert (VAULT in sys.modules) is is_there
