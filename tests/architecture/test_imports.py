"""Imports go down only; the contracts stand in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.repository import ROOT


def test_import_contracts_are_kept() -> None:
    program = Path(sys.executable).parent / "lint-imports"

    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_start_imports_no_library_that_only_some_need() -> None:
    # Every start waits for these imports; together they take longer than all others.
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, app.backend.bootstrap, app.backend.api.app; print(*sys.modules)",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    unwanted = {"openai", "ollama", "minio", "langgraph.graph", "authlib", "ldap3"}
    vendors = {"anthropic", "langchain_anthropic", "langchain_mistralai"}
    assert not (unwanted | vendors | {"genai_prices"}) & {*told.stdout.split()}
