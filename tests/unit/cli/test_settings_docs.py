"""What is written about the settings is what the settings are."""

from pathlib import Path

from dotenv import dotenv_values

from app.backend.core.settings import Settings
from scripts import settings_docs

AGAIN = "Run `make settings` and commit what it writes."


def test_env_example_is_generated_from_the_settings() -> None:
    assert (
        settings_docs.ENV_EXAMPLE.read_text() == settings_docs.render_env_example()
    ), AGAIN


def test_env_example_is_short() -> None:
    assert len(settings_docs.ENV_EXAMPLE.read_text().splitlines()) <= 25


def test_table_of_all_settings_is_generated() -> None:
    text = settings_docs.CONFIGURATION.read_text()

    assert text == settings_docs.with_table(text), AGAIN


def test_every_setting_has_a_description() -> None:
    missing = [
        name for name, field in Settings.model_fields.items() if not field.description
    ]

    assert missing == []


def test_env_example_uncommented_gives_the_defaults(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    lines = settings_docs.render_env_example().splitlines()[1:]
    env.write_text("\n".join(line.removeprefix("# ") for line in lines))

    written = {name: value for name, value in dotenv_values(env).items() if value}

    assert written == {
        settings_docs.variable(name): settings_docs.default_of(
            Settings.model_fields[name]
        )
        for name in settings_docs.EXAMPLES
        if settings_docs.default_of(Settings.model_fields[name])
    }
