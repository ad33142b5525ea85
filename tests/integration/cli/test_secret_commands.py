"""`atelier secret`, `atelier audit verify`, and what the doctor says of keys."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from app.cli.edge import Exit
from tests.integration.cli.conftest import Atelier


def test_secret_is_stored_listed_and_deleted_without_being_shown(
    atelier: Atelier, owner: str, tmp_path: Path
) -> None:
    value = "canary-value\n"
    stored = atelier("secret", "set", "far", "--value-stdin", given=value)
    short = atelier("secret", "set", "far", "--value-stdin", given="short")
    remote = {"execution": "remote", "remote_url": "http://127.0.0.1:1"}
    far = {**remote, "remote_agent_id": str(uuid4()), "remote_key": "db:far"}
    file = tmp_path / "agent.json"
    file.write_text(json.dumps({"name": "Helper", "model": "scripted/hello", **far}))
    assert atelier("agent", "create", "--file", str(file)).exit_code == Exit.DONE
    listed = atelier("secret", "list", "--json")
    refused = atelier("secret", "delete", "far")
    forced = atelier("secret", "delete", "far", "--force")

    assert (stored.exit_code, short.exit_code) == (Exit.DONE, Exit.INVALID)
    assert json.loads(listed.stdout)["items"][0]["used_by"] == ["agent 'Helper'"]
    assert "canary" not in stored.output + listed.output
    assert (refused.exit_code, forced.exit_code) == (Exit.FAILED, Exit.DONE)
    assert "Helper" in refused.stderr


def test_audit_is_verified(atelier: Atelier, owner: str) -> None:
    check = json.loads(atelier("audit", "verify", "--json").stdout)

    assert (check["is_whole"], check["rows"], check["waiting"]) == (True, 0, 1)
    assert "wait for their place" in atelier("audit", "verify").output


def test_doctor_says_that_a_master_key_is_missing(
    atelier: Atelier, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    atelier("secret", "set", "far", "--value-stdin", given="canary-value")

    def look() -> dict[str, dict[str, str]]:
        found = json.loads(atelier("doctor", "--json").stdout)
        return {part["name"]: part for part in found}

    before = look()
    monkeypatch.setenv("ATELIER_SECRET_KEY", "another key")
    after = look()

    assert before["stored secrets"]["status"] == "ok"
    assert "Derived" in before["master key"]["message"]
    assert after["stored secrets"]["status"] == "down"
    assert "former key" in after["stored secrets"]["message"]
