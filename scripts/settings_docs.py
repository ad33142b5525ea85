"""Writes .env.example and the table of docs/configuration.md from the Settings class."""

import sys
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from app.backend.core.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
ENV_EXAMPLE = ROOT / ".env.example"
CONFIGURATION = ROOT / "docs" / "configuration.md"

BEGIN = "<!-- settings: written by `make settings` -->"
END = "<!-- end of settings -->"

# What most installations look at; the file stays short, the table has all.
EXAMPLES = (
    "data_dir",
    "host",
    "port",
    "public_url",
    "workers",
    "database_url",
    "redis_url",
    "chroma_url",
    "runtime_port",
    "default_model",
    "local_model_path",
    "ollama_url",
    "openai_base_url",
    "openai_api_key",
    "object_store",
    "s3_endpoint",
    "s3_access_key",
    "s3_secret_key",
    "upload_max_bytes",
    "log_level",
)


def render_env_example() -> str:
    """Return the text of .env.example."""
    lines = [
        "# Copy to .env and change what you need. All settings: docs/configuration.md.",
        *(
            f"# {variable(name)}={default_of(Settings.model_fields[name])}  # {Settings.model_fields[name].description}"
            for name in EXAMPLES
        ),
    ]
    return "\n".join(lines) + "\n"


def render_table() -> str:
    """Return the table of all settings, in Markdown."""
    # Those of the base class would come first.
    names = [*Settings.__annotations__, *Settings.model_fields]
    fields = {
        name: Settings.model_fields[name]
        for name in dict.fromkeys(names)
        if name in Settings.model_fields
    }
    rows = [
        f"| `{variable(name)}` | {_code(default_of(field))} | {_allowed(field)}{field.description} |"
        for name, field in fields.items()
    ]
    head = ["| variable | default | meaning |", "|---|---|---|"]
    return "\n".join([BEGIN, *head, *rows, END])


def with_table(document: str) -> str:
    """Return `document` with its table replaced by the present one."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + render_table() + after


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"ATELIER_{name.upper()}"


def default_of(field: FieldInfo) -> str:
    """Return the default as it is written in the environment."""
    default: Any = field.default
    if default is None or isinstance(default, SecretStr):
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


def main() -> None:
    """Write both files; with `--check` only tell whether that would change them."""
    wanted = {
        ENV_EXAMPLE: render_env_example(),
        CONFIGURATION: with_table(CONFIGURATION.read_text()),
    }
    for path, text in wanted.items():
        if "--check" not in sys.argv:
            path.write_text(text)
        elif path.read_text() != text:
            sys.exit(f"{path.name} is not what the settings are. Run `make settings`.")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _allowed(field: FieldInfo) -> str:
    words = [word for word in get_args(field.annotation) if isinstance(word, str)]
    return f"{', '.join(f'`{word}`' for word in words)}. " if words else ""


if __name__ == "__main__":
    main()
