"""A supervisor with one part that forks, run by a test as a process of its own to be killed."""

import asyncio
import os
import sys
from pathlib import Path

from app.cli.parts import Part
from app.cli.processes import Reaper
from app.cli.supervisor import Supervisor

# The child leaves the process group and ignores SIGTERM, as a hanging job might.
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child == 0:
    os.setpgrp()
open(sys.argv[1] + ("/child" if child == 0 else "/parent"), "w").write(str(os.getpid()))
time.sleep(600)
"""


async def main(folder: Path, reaper: Reaper) -> None:
    async def is_ready(_pid: int) -> bool:
        return (folder / "child").exists() and (folder / "parent").exists()

    command = (sys.executable, "-c", STUBBORN, str(folder))
    supervisor = Supervisor(env=os.environ, logs=folder, reaper=reaper, say=print)
    async with supervisor.opened():
        await supervisor.start([Part("stubborn", command, is_ready, rank=0)])
        (folder / "started").touch()
        await supervisor.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Reaper()))
