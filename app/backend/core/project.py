"""Where the files that are not Python lie: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]

IS_CHECKOUT = (_PACKAGE.parent / "alembic.ini").is_file()
PROJECT = _PACKAGE.parent if IS_CHECKOUT else _PACKAGE / "_project"
DOCS = PROJECT / "docs"
MIGRATIONS = PROJECT / "alembic"
