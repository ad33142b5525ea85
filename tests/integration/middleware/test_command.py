"""`atelier middleware` on an installation that is not running."""

import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from app.backend.core.actor import Actor
from app.backend.core.settings import Settings
from app.cli.main import app
from tests.stack import environment_of

Atelier = Callable[..., Result]


@pytest.fixture
def atelier(
    settings: Settings, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> Atelier:
    """Runs a command of the owner."""
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["middleware", *arguments])

    return run


def test_middleware_is_added_changed_switched_and_deleted(atelier: Atelier) -> None:
    added = atelier("add", "scripted/hello", "cache", "--set", "seconds=9", "--json")
    assert added.exit_code == 0, added.output
    made = json.loads(added.stdout)["id"]

    changed = atelier("change", made, "--priority", "3", "--critical", "--json")
    off = atelier("disable", made)
    listed = atelier("list", "scripted/hello", "--json")
    gone = atelier("delete", made)

    view = json.loads(changed.stdout)
    assert (view["config"], view["priority"]) == ({"seconds": 9}, 3)
    assert view["is_critical"]
    assert off.stdout.startswith("cache before scripted/hello, priority 3: off")
    assert [one["is_active"] for one in json.loads(listed.stdout)] == [False]
    assert gone.exit_code == 0
    assert json.loads(atelier("list", "--json").stdout) == []


def test_types_and_wrong_settings_are_told(atelier: Atelier) -> None:
    types = atelier("types")
    wrong = atelier("add", "scripted/hello", "cache", "--set", "seconds=soon")
    unknown = atelier("enable", "nothing")

    assert "cache" in types.stdout
    assert (wrong.exit_code, unknown.exit_code) == (2, 3)
