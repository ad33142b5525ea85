"""`atelier tier`: what people may use, from the command line."""

import json
from typing import Any

import pytest
from typer.testing import Result

from app.cli.edge import Exit
from tests.integration.cli.conftest import Atelier


def _json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_tier_is_made_changed_given_and_deleted(atelier: Atelier, owner: str) -> None:
    made = _json(atelier("tier", "create", "Team", "--runs", "20", "--json"))
    change = ("--name", "Crew", "--runs", "none", "--active", "2", "--json")
    changed = _json(atelier("tier", "set", "Team", *change))
    give = ("tier", "give", owner, "--tier", "Crew", "--storage", "50", "--json")
    given = _json(atelier(*give))
    shown = atelier("tier", "show", owner)
    listed = _json(atelier("tier", "list", "--json"))["items"]
    table = atelier("tier", "list")
    deleted = _json(atelier("tier", "delete", "Crew", "--json"))
    back = _json(atelier("tier", "show", owner, "--json"))

    assert (made["runs_per_day"], made["runs_active"]) == (20, None)
    assert (changed["runs_per_day"], changed["runs_active"]) == (None, 2)
    assert (given["tier"]["name"], given["limits"]["storage_mb"]) == ("Crew", 50)
    assert "Crew" in shown.stdout
    assert "storage mb" in shown.stdout
    assert {one["name"]: one["people"] for one in listed}["Crew"] == 1
    assert "Standard (default)" in table.stdout
    assert deleted == {"deleted": made["id"]}
    assert (back["tier"]["name"], back["own"]["storage_mb"]) == ("Standard", 50)


def test_default_is_moved_and_taken_back(atelier: Atelier, owner: str) -> None:
    _json(atelier("tier", "set", "Trial", "--default", "--json"))
    assert _json(atelier("tier", "show", owner, "--json"))["tier"]["name"] == "Trial"

    _json(atelier("tier", "give", owner, "--tier", "Standard", "--json"))
    assert _json(atelier("tier", "show", owner, "--json"))["tier"]["name"] == "Standard"
    _json(atelier("tier", "give", owner, "--tier", "none", "--json"))
    assert _json(atelier("tier", "show", owner, "--json"))["tier"]["name"] == "Trial"


@pytest.mark.parametrize("wrong", ["0", "many", "-1", "1.5"])
def test_wrong_limit_is_refused_in_words(
    atelier: Atelier, owner: str, wrong: str
) -> None:
    result = atelier("tier", "create", "Team", f"--runs={wrong}", "--json")

    assert result.exit_code == Exit.INVALID
    assert "whole number" in json.loads(result.stderr)["error"]


def test_unknown_tier_is_not_found(atelier: Atelier, owner: str) -> None:
    assert atelier("tier", "delete", "Nothing").exit_code == Exit.NOT_FOUND
    assert atelier("tier", "delete", "Standard").exit_code == Exit.FAILED
