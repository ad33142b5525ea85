"""`atelier models`, on the real files."""

import json
import shutil
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


def test_local_files_are_added_listed_and_taken_out(
    atelier: Atelier, tmp_path: Path
) -> None:
    found = json.loads(atelier("models", "fetch", "--json").stdout)
    copy = tmp_path / "Second One.gguf"
    shutil.copyfile(found[0]["path"], copy)
    added = atelier("models", "local", "add", str(copy), "--no-measure", "--json")
    measured = atelier("models", "local", "measure", "local/second-one")
    listed = atelier("models", "local", "list", "--json")
    named = json.loads(atelier("models", "list", "--json").stdout)
    deleted = atelier("models", "local", "delete", "local/second-one")

    assert added.exit_code == 0, added.output
    assert json.loads(added.stdout)[0]["tokens_per_second"] is None
    assert measured.exit_code == 0, measured.output
    speeds = {
        view["name"]: view["tokens_per_second"] for view in json.loads(listed.stdout)
    }
    assert list(speeds) == ["local/smollm2-135m", "local/second-one"]
    assert speeds["local/second-one"] > 0
    assert "local/second-one" in [view["name"] for view in named]
    assert deleted.exit_code == 0, deleted.output
    assert len(json.loads(atelier("models", "local", "list", "--json").stdout)) == 1
    assert copy.is_file()
