"""The installation's key."""

import os
import stat
from pathlib import Path

import pytest

from app.backend.core import crypto, master_keys
from app.backend.core.settings import Settings


def test_containers_that_start_together_agree_on_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)  # pyright: ignore[reportCallIssue] - pydantic-settings takes _env_file
    found: list[str] = []
    link = os.link

    def link_late(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        found.append(crypto.load_keyring(settings).token("test"))
        link(source, target)

    monkeypatch.setattr(os, "link", link_late)
    # In two containers on one folder, both are often the same number.
    monkeypatch.setattr(os, "getpid", lambda: 7)

    found.append(crypto.load_keyring(settings).token("test"))

    assert found[0] == found[1]
    names = {crypto.KEY_FILE, master_keys.KEY_FILE}
    assert {path.name for path in tmp_path.iterdir()} == names
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
