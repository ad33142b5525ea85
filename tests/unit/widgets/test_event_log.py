"""The log's rules in the browser: overlap, holes, pages, filters, search."""

import subprocess
import sys
from pathlib import Path


def test_event_log_keeps_its_rules() -> None:
    bun = Path(sys.executable).parent / "bun"
    done = subprocess.run(
        [bun, "test", Path(__file__).with_name("event_log.test.js")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
