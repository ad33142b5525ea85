"""Ten guards are taken away, each alone: the tests miss them. `make mutants` takes away all."""

import contextlib
import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.stack import Stack

ROOT = Path(__file__).parents[2]
CAUGHT = ROOT / "scripts" / "mutants" / "caught.json"


# It takes half a minute on a quiet machine.
@pytest.mark.timeout(240, func_only=True)
def test_guards_that_are_away_are_missed(stack: Stack) -> None:
    kind = "^postgres:" if stack.kind == "postgres" else "^app/"
    # The same ten as long as the guards are the same.
    seed = zlib.crc32(CAUGHT.read_bytes())
    running = subprocess.Popen(
        [
            *(sys.executable, "-m", "scripts.mutants"),
            *("--sample", "10", "--seed", str(seed), "--only", kind),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        told, _ = running.communicate()
    finally:
        # Its workers have databases of their own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)

    assert running.returncode == 0, told
    assert told.startswith(f"Seed {seed}."), told
