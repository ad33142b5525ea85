"""Ten guards that are chosen by chance are taken away, each alone: the tests miss them. `make mutants` takes away all."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import Stack

ROOT = Path(__file__).parents[2]


# It takes half a minute on a quiet machine.
@pytest.mark.timeout(240, func_only=True)
def test_guards_that_are_away_are_missed(stack: Stack) -> None:
    kind = "^postgres:" if stack.kind == "postgres" else "^app/"
    # Its first line names the seed, with which the same ten are taken again.
    done = subprocess.run(
        [
            *(sys.executable, "-m", "scripts.mutants"),
            *("--sample", "10", "--only", kind),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("Seed "), done.stdout
