"""`atelier models`, on the real files."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.backend.models.files import DEFAULT_FILES
from app.cli.main import app
from tests.stack import environment_of, settings_of

Atelier = Callable[..., Result]


@pytest.fixture
def atelier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Atelier:
    """Runs a command on an installation that was never started."""
    for name, value in environment_of(settings_of(tmp_path)).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    return run


def test_fetch_checks_the_files_and_says_where_they_are(atelier: Atelier) -> None:
    result = atelier("models", "fetch", "--json")

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [item["name"] for item in found] == [file.name for file in DEFAULT_FILES]
    assert all(Path(item["path"]).is_file() for item in found)


def test_list_names_the_models_and_the_default(atelier: Atelier) -> None:
    result = atelier("models", "list", "--json")

    assert result.exit_code == 0, result.output
    views = json.loads(result.stdout)
    assert (views[0]["name"], views[0]["is_default"]) == ("local/smollm2-135m", True)


def test_list_for_people_says_that_the_shipped_model_is_small(atelier: Atelier) -> None:
    result = atelier("models", "list")

    assert result.exit_code == 0, result.output
    assert "small" in result.stdout
