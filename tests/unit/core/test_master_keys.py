"""Master keys: where they come from, and which opens what."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from app.backend.core import crypto
from app.backend.core.master_keys import KEY_FILE, MasterKeyMissing, new_key
from app.backend.core.settings import Settings

KEY = b"a key of a user"


def _settings(folder: Path, **values: str) -> Settings:
    secrets = {name: SecretStr(value) for name, value in values.items()}
    return Settings(_env_file=None, data_dir=folder, **secrets)  # pyright: ignore[reportCallIssue] - pydantic-settings takes _env_file


def test_newest_key_of_the_setting_wraps_and_older_ones_open(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    before = crypto.load_keyring(_settings(tmp_path, field_encryption_key=old)).masters
    both = _settings(tmp_path, field_encryption_key=f"{new}, {old}")
    after = crypto.load_keyring(both).masters
    wrapped = before.wrap(KEY)

    assert after.unwrap(wrapped) == KEY
    assert not after.is_newest(wrapped)
    assert after.is_newest(after.wrap(KEY))
    with pytest.raises(MasterKeyMissing):
        before.unwrap(after.wrap(KEY))
    assert not (tmp_path / KEY_FILE).exists()


def test_hosts_that_share_only_the_installation_key_open_the_same(
    tmp_path: Path,
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    wrapped = crypto.load_keyring(_settings(one, secret_key="shared")).masters.wrap(KEY)

    opened = crypto.load_keyring(_settings(other, secret_key="shared")).masters

    assert opened.unwrap(wrapped) == KEY


def test_setting_replaces_the_file_and_what_was_wrapped_before_still_opens(
    tmp_path: Path,
) -> None:
    wrapped = crypto.load_keyring(_settings(tmp_path)).masters.wrap(KEY)
    stored = (tmp_path / KEY_FILE).read_text()
    moved = _settings(tmp_path, field_encryption_key=f"{new_key()},{stored}")

    assert crypto.load_keyring(moved).masters.unwrap(wrapped) == KEY


def test_rotation_of_the_file_is_seen_by_who_has_loaded_it(tmp_path: Path) -> None:
    here = crypto.load_keyring(_settings(tmp_path)).masters
    there = crypto.load_keyring(_settings(tmp_path)).masters
    before = here.wrap(KEY)

    there.add_to_file()
    after = here.wrap(KEY)

    assert there.unwrap(before) == KEY
    assert there.is_newest(after)
    there.keep_in_file(there.keys[0])
    assert here.unwrap(after) == KEY
    with pytest.raises(MasterKeyMissing):
        here.unwrap(before)


def test_key_that_is_none_is_refused_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as caught:
        _settings(tmp_path, field_encryption_key="not-a-fernet-key")

    assert "openssl" in str(caught.value)
    assert "not-a-fernet-key" not in str(caught.value)
