"""The commands of `atelier`, on an installation of their own."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from app.backend.core.settings import Settings
from app.cli.main import app
from tests.stack import environment_of

PASSWORD = "correct horse battery"
Atelier = Callable[..., Result]


@pytest.fixture
def atelier(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Atelier:
    """`atelier("agent", "list")` runs a command on the installation of this test."""
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, given: str = "") -> Result:
        return CliRunner().invoke(app, arguments, input=given)

    return run


@pytest.fixture
def owner(atelier: Atelier) -> str:
    """The owner's address."""
    made = atelier(
        "user", "create", "ada@example.org", "--password-stdin", given=f"{PASSWORD}\n"
    )
    assert made.exit_code == 0, made.output
    return "ada@example.org"
