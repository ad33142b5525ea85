"""`atelier budget`: set, listed, changed and deleted."""

import json

from app.backend.core import ids
from tests.integration.cli.conftest import Atelier


def test_budget_is_set_listed_changed_and_deleted(atelier: Atelier, owner: str) -> None:
    made = atelier("budget", "set", "5", "--period", "month", "--json")
    assert made.exit_code == 0, made.output
    budget_id = json.loads(made.stdout)["id"]

    cheaper = ("--policy", "cheaper", "--model", "scripted/hello")
    off = atelier("budget", "set", "6", "--id", budget_id, "--off", "--json")
    changed = atelier("budget", "set", "7", "--id", budget_id, *cheaper)
    unnamed = atelier("budget", "set", "3", "--policy", "cheaper")
    everybody = atelier("budget", "set", "1000", "--unit", "tokens", "--installation")
    of_tier = atelier("budget", "set", "2", "--tier", "Trial")
    shown = atelier("budget", "show", budget_id, "--json")
    listed = atelier("budget", "list")

    assert changed.exit_code == 0, changed.output
    assert "cheap default" in unnamed.stdout, unnamed.output
    assert everybody.exit_code == 0, everybody.output
    found = json.loads(shown.stdout)
    # What is not named stays.
    assert (json.loads(off.stdout)["is_active"], found["is_active"]) == (False, False)
    assert (found["amount"], found["period"]) == (7, "month")
    assert (found["policy"], found["cheaper_model"]) == ("cheaper", "scripted/hello")
    assert owner in listed.stdout
    assert "everybody" in listed.stdout
    assert of_tier.exit_code == 0, of_tier.output
    assert "each of tier 'Trial'" in listed.stdout
    assert atelier("budget", "delete", budget_id).exit_code == 0
    assert atelier("budget", "show", budget_id).exit_code == 3


def test_wrong_budgets_are_refused_in_words(atelier: Atelier, owner: str) -> None:
    no_model = atelier("budget", "set", "1", "--policy", "cheaper", "--model", "x/y")
    nobody = atelier("budget", "set", "1", "--user", "nobody@example.org")
    both = atelier("budget", "set", "1", "--installation", "--user", owner)
    moved = atelier("budget", "set", "1", "--id", str(ids.new_id()), "--tier", "Trial")

    assert (no_model.exit_code, nobody.exit_code) == (2, 3)
    assert "x/y" in no_model.stderr
    assert (both.exit_code, moved.exit_code) == (2, 2)
    assert "--user and --installation" in both.stderr
    assert "--id and --tier" in moved.stderr
