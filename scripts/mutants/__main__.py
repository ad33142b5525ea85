"""`python -m scripts.mutants`: takes away each guard, and prints those that no test of isolation misses."""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from scripts.mutants.kept import KEPT
from scripts.mutants.sites import SWITCH, Site, names, rewrite

ROOT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "node_modules", "build", "bench"
)
# Where strangers, people without a right and people with foreign ids ask for everything that there is.
TESTS = (
    (
        "tests/integration/state/test_isolation.py",
        "tests/integration/state/test_guards.py",
    ),
    (
        "tests/integration/api/test_isolation.py",
        "tests/integration/api/test_guard.py",
        "tests/integration/api/test_feed_namespace.py",
        "tests/integration/api/test_agent_socket.py",
        "tests/integration/api/test_rights.py",
        "tests/integration/state/test_rights.py",
    ),
)
_WORKERS = len(TESTS)


def main() -> int:
    """Print what survives; the exit code is 1 when that is more than the list of kept ones."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sample", type=int, metavar="N", help="only N of them")
    options.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311
    options.add_argument("--list", action="store_true", help="only list them")
    given = options.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="atelier-mutants-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
        sites = dict(names(rewrite(copy)))
        if given.list:
            _say("\n".join(f"{site.guard}: {name}" for name, site in sites.items()))
            return 0
        shutil.copy(Path(__file__).parent / "switch.py", copy / f"{SWITCH}.py")
        chosen = dict(sites)
        if given.sample:
            _say(f"Seed {given.seed}.")
            open_ones = sorted(set(sites) - set(KEPT))
            picked = random.Random(given.seed).sample(open_ones, given.sample)  # noqa: S311
            chosen = {name: sites[name] for name in picked}
        survivors = _survivors(copy, chosen)
    return _report(chosen, survivors, set(sites), time.monotonic() - began)


def _survivors(copy: Path, chosen: dict[str, Site]) -> dict[str, str]:
    """Return the guards whose absence no test misses, and why not."""
    asks: dict[int, list[str]] = defaultdict(list)
    for reached in _reach(copy):
        for test, numbers in reached.items():
            for number in numbers:
                asks[number].append(test)
    tests_of = {site.number: asks[site.number] for site in chosen.values()}
    codes = _try(copy, {number: tests for number, tests in tests_of.items() if tests})
    found: dict[str, str] = {}
    for name, site in chosen.items():
        code = codes.get(site.number)
        if code is None:
            found[name] = "no test asks it"
        elif code != 1:
            tests = len(tests_of[site.number])
            why = "pass without it" if code == 0 else f"end with code {code}"
            found[name] = f"{tests} tests ask it, and {why}"
    return found


def _reach(copy: Path) -> list[dict[str, list[int]]]:
    outs = [copy / f"reach-{number}.json" for number in range(_WORKERS)]
    commands = [
        ["reach", str(out), *tests] for out, tests in zip(outs, TESTS, strict=True)
    ]
    _work(copy, commands)
    return [json.loads(out.read_text()) for out in outs]


def _try(copy: Path, tests_of: dict[int, list[str]]) -> dict[int, int]:
    commands: list[list[str]] = []
    outs: list[Path] = []
    for number in range(_WORKERS):
        mine = dict(list(tests_of.items())[number::_WORKERS])
        given, out = copy / f"given-{number}.json", copy / f"tried-{number}.json"
        given.write_text(json.dumps(mine))
        commands.append(["try", str(given), str(out)])
        outs.append(out)
    _work(copy, commands)
    found = [json.loads(out.read_text()) for out in outs]
    return {int(number): code for one in found for number, code in one.items()}


def _work(copy: Path, commands: Sequence[list[str]]) -> None:
    """Run the workers side by side; one that fails ends it all."""
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    running = [
        subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
            [sys.executable, "-m", "scripts.mutants.worker", *command],
            cwd=copy,
            env=environment,
        )
        for command in commands
    ]
    codes = [process.wait() for process in running]
    if any(codes):
        sys.exit("The tests fail with all guards in place, so they prove nothing.")


def _report(
    chosen: dict[str, Site], survivors: dict[str, str], known: set[str], seconds: float
) -> int:
    bad = {name: why for name, why in survivors.items() if name not in KEPT}
    for name, why in bad.items():
        _say(f"SURVIVES {chosen[name].guard}: {name}\n  {why}")
    for name in sorted(set(KEPT) - known):
        _say(f"GONE: {name}\n  Take it off the list in scripts/mutants/kept.py.")
    noticed = [name for name in KEPT if name in chosen and name not in survivors]
    for name in noticed:
        _say(
            f"MISSED BY A TEST: {name}\n  Take it off the list in scripts/mutants/kept.py."
        )
    caught = len(chosen) - len(survivors)
    second = len(survivors) - len(bad)
    _say(
        f"{len(chosen)} guards taken away in {seconds / 60:.1f} minutes: {caught} missed by a test, "
        f"{second} with a second wall behind, {len(bad)} survive."
    )
    return 1 if bad or set(KEPT) - known else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a program for the terminal


if __name__ == "__main__":
    sys.exit(main())
