"""P15: from a clone to a healthy product, its size on disk, later starts, and what it holds in memory while idle.

The clone is of this checkout's last commit, with a home folder of its own: packages, models and the front end are
fetched and built as for a new user (packages come from the package index, as fast as that is).
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import psutil

from bench.report import Row, report
from tests.parts import free_port

ROOT = Path(__file__).resolve().parents[1]
READY = "Atelier is ready after"
SECONDS_MAX = 600
IDLE_SECONDS = 15
STARTS = 3
GOAL = "clone to healthy <= 150 s, <= 1,600 MB on disk, later <= 8 s, <= 750 MB idle"
NAMES = re.compile(
    r"atelier up|reaper|nursery|valkey|chromadb|granian|rq:worker|workers\.\w+"
)


def main() -> None:
    """Measure one first start and some later ones."""
    folder = Path(tempfile.mkdtemp(prefix="atelier-startup-"))
    try:
        rows = _measure(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report("p15_startup", "P15: installation and start", rows, goal=GOAL)


def _measure(folder: Path) -> list[Row]:
    begun = time.monotonic()
    clone = folder / "atelier"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    process = _start(clone, folder)
    first_seconds = time.monotonic() - begun
    seconds: list[float] = []
    for _ in range(STARTS):
        _stop(process)
        begun = time.monotonic()
        process = _start(clone, folder)
        seconds.append(time.monotonic() - begun)
    time.sleep(IDLE_SECONDS)
    memory = _memory(process)
    _stop(process)
    rows: list[Row] = [
        {"what": "clone to healthy, s", "value": round(first_seconds, 1)},
        *({"what": "later start, s", "value": round(one, 1)} for one in seconds),
        {"what": "on disk: checkout, .venv, front end, MB", "value": _megabytes(clone)},
        {
            "what": "on disk: models, MB",
            "value": _megabytes(folder / "home" / ".cache" / "atelier"),
        },
        *(
            {"what": f"idle PSS: {name}, MB", "value": round(part)}
            for name, part in memory.items()
        ),
        {"what": "idle PSS: all, MB", "value": round(sum(memory.values()))},
    ]
    return rows


def _start(clone: Path, folder: Path) -> subprocess.Popen[bytes]:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    log = folder / "up.log"
    ports = f"--port {free_port()} --runtime-port {free_port()}"
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ATELIER_", "PYTHONDONTWRITE"))
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "up", f"ARGS=--no-browser {ports}"],
            cwd=clone,
            env={**clean, "HOME": str(home)},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    end = time.monotonic() + SECONDS_MAX
    while READY not in log.read_text():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(log.read_text())
        time.sleep(0.05)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=60)


def _memory(process: subprocess.Popen[bytes]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for child in psutil.Process(process.pid).children(recursive=True):
        name = NAMES.search(" ".join(child.cmdline()))
        rollup = Path(f"/proc/{child.pid}/smaps_rollup").read_text()
        match = re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)
        found[name.group() if name else "rest"] += (
            int(match.group(1)) / 1024 if match else 0
        )
    return dict(sorted(found.items()))


def _megabytes(folder: Path) -> int:
    listed = subprocess.run(
        ["du", "-sm", str(folder)], check=True, capture_output=True, text=True
    )
    return int(listed.stdout.split()[0])


if __name__ == "__main__":
    main()
