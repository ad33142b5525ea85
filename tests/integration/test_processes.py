"""Our own processes in tests end as a test says."""

import subprocess
import sys
from pathlib import Path

from tests.parts import wait_until
from tests.processes import Fork

# Its children write their will when they hear that it is dead.
PARENT = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
hears, speaks = os.pipe()
for number in range(200):
    if os.fork() == 0:
        os.close(speaks)
        (folder / f"lives-{number}").touch()
        os.read(hears, 1)
        (folder / f"will-{number}").touch()
        os._exit(0)
time.sleep(60)
"""


def test_who_is_killed_together_hears_nothing_of_the_others_death(
    tmp_path: Path,
) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    wait_until(
        lambda: len(list(tmp_path.glob("lives-*"))) == 200,
        seconds=30,
        what="All children live",
    )

    Fork(parent.pid, tmp_path / "log").kill()

    parent.wait()
    assert list(tmp_path.glob("will-*")) == []
