"""`python -m scripts.mutants`: takes away each guard, and prints those that no test of isolation misses."""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.mutants import memory
from scripts.mutants.kept import KEPT
from scripts.mutants.policies import PLACE, removal
from scripts.mutants.sites import SWITCH, Guard, Site, names, rewrite

ROOT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "node_modules", "build", "bench"
)
# Where strangers, people without a right and people with foreign ids ask for everything that there is.
_TESTS = (
    "tests/integration/core/test_each_query.py",
    "tests/integration/core/test_each_level.py",
    "tests/integration/state/test_isolation.py",
    "tests/integration/state/test_guards.py",
    "tests/integration/state/test_rights.py",
    "tests/integration/api/test_isolation.py",
    "tests/integration/api/test_guard.py",
    "tests/integration/api/test_feed_namespace.py",
    "tests/integration/api/test_agent_socket.py",
    "tests/integration/api/test_rights.py",
)
_POLICY_TESTS = ("tests/integration/core/test_row_security.py",)
_WORKERS = 2
_FEW = 20
MISSED = "missed"

# The tests to ask for each guard; None where nobody knows which.
Asked = Mapping[str, list[str] | None]
Outcomes = dict[str, dict[str, str]]


def main() -> int:
    """Print what survives; the exit code is 1 when a guard survives that is not on the list of kept ones."""
    given = _options()
    began = time.monotonic()
    caught = memory.read()
    with tempfile.TemporaryDirectory(prefix="atelier-mutants-") as folder:
        copy = Path(folder) / "tree"
        sites = _prepare(copy)
        sites |= _remembered(caught) if given.sample else _policies(copy)
        if given.list:
            _say("\n".join(f"{site.guard}: {name}" for name, site in sites.items()))
            return 0
        chosen = [name for name in sites if re.search(given.only, name)]
        if given.sample:
            _say(f"Seed {given.seed}.")
            known = [
                name for name in chosen if memory.is_there(caught.get(name, ""), ROOT)
            ]
            chosen = random.Random(given.seed).sample(known, given.sample)  # noqa: S311
        tried = {name: sites[name] for name in chosen}
        outcomes = _round(copy, tried, _known(tried, caught))
        left = [] if given.sample else _left(tried, outcomes)
        if left:
            _say(f"All tests for {len(left)} guards whose test is not known.")
            asked = dict.fromkeys(left)
            outcomes |= _round(copy, tried, asked, near=given.tests)
    if not given.sample:
        _remember(sites, caught, outcomes)
    return _report(tried, outcomes, set(sites), time.monotonic() - began)


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sample", type=int, metavar="N", help="only N of them")
    options.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311
    options.add_argument("--only", default="", help="those whose name has this pattern")
    options.add_argument(
        "--tests",
        nargs="*",
        default=(),
        help="where to look for a test that is not known",
    )
    options.add_argument("--list", action="store_true", help="only list them")
    return options.parse_args()


def _prepare(copy: Path) -> dict[str, Site]:
    """Make the copy whose guards can be taken away, and return them."""
    shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
    sites = dict(names(rewrite(copy)))
    shutil.copy(Path(__file__).parent / "switch.py", copy / f"{SWITCH}.py")
    return sites


def _policies(copy: Path) -> dict[str, Site]:
    """Ask PostgreSQL what it guards."""
    out = copy / "policies.json"
    _work(copy, [[str(out)]])
    return _of_policies(json.loads(out.read_text()))


def _remembered(caught: Mapping[str, str]) -> dict[str, Site]:
    parts = [name.split(":", 2) for name in caught if name.startswith(f"{PLACE}:")]
    return _of_policies([(table, text.strip()) for _, table, text in parts])


def _of_policies(found: Sequence[tuple[str, str]]) -> dict[str, Site]:
    sites = [Site(-1, Guard.POLICY, PLACE, table, text) for table, text in found]
    return {site.name: site for site in sites}


def _known(tried: Mapping[str, Site], caught: Mapping[str, str]) -> Asked:
    """Return the test that missed each guard last, where one is known and still there."""
    return {
        name: [caught[name]]
        for name in tried
        if memory.is_there(caught.get(name, ""), ROOT)
    }


def _left(tried: Mapping[str, Site], outcomes: Outcomes) -> list[str]:
    missed = {name for name, one in outcomes.items() if one["outcome"] == MISSED}
    return [name for name in tried if name not in missed and name not in KEPT]


def _round(
    copy: Path, tried: Mapping[str, Site], asked: Asked, *, near: Sequence[str] = ()
) -> Outcomes:
    """Try these guards: those of the code on SQLite, where nothing stands behind them, and those of PostgreSQL there."""
    code = [name for name in asked if tried[name].guard is not Guard.POLICY]
    # For a few, to start the parts twice takes longer than the tests; neighbours take equally long.
    workers = _WORKERS if len(code) > _FEW else 1
    shares = [code[first::workers] for first in range(workers)]
    shares.append([name for name in asked if tried[name].guard is Guard.POLICY])
    commands: list[list[str]] = []
    outs: list[Path] = []
    for number, share in enumerate(filter(None, shares)):
        given, out = copy / f"given-{number}.json", copy / f"tried-{number}.jsonl"
        out.write_text("")
        given.write_text(json.dumps(_order(tried, asked, share, near)))
        commands.append([str(given), str(out)])
        outs.append(out)
    _work(copy, commands)
    lines = [line for out in outs for line in out.read_text().splitlines()]
    return {found["name"]: found for found in map(json.loads, lines)}


def _order(
    tried: Mapping[str, Site], asked: Asked, share: Sequence[str], near: Sequence[str]
) -> dict[str, object]:
    """Return what a worker has to do."""
    files: dict[str, None] = {}
    for name in share:
        tests = asked[name] or near or _tests_near(tried[name])
        files |= dict.fromkeys(test.partition("::")[0] for test in tests)
    is_policy = tried[share[0]].guard is Guard.POLICY
    return {
        "stack": "postgres" if is_policy else "sqlite",
        "files": [path for path in files if (ROOT / path).exists()],
        "tries": [
            {"name": name, "away": _away(tried[name]), "tests": asked[name]}
            for name in share
        ],
    }


def _tests_near(site: Site) -> list[str]:
    """Return the tests of isolation, and those of the part of the product in which the guard stands."""
    if site.guard is Guard.POLICY:
        return list(_POLICY_TESTS)
    part = site.path.removeprefix("app/").removeprefix("backend/").partition("/")[0]
    near = sorted((ROOT / "tests" / "integration" / part).glob("test_*.py"))
    return [*_TESTS, *(str(path.relative_to(ROOT)) for path in near)]


def _away(site: Site) -> str:
    is_policy = site.guard is Guard.POLICY
    return removal(site.where, site.text) if is_policy else str(site.number)


def _work(copy: Path, commands: Sequence[list[str]]) -> None:
    """Run the workers side by side; one that fails ends it all."""
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    logs = [copy / f"worker-{number}.log" for number in range(len(commands))]
    running: list[subprocess.Popen[bytes]] = []
    for command, log in zip(commands, logs, strict=True):
        words = [sys.executable, "-m", "scripts.mutants.worker", *command]
        with log.open("w") as told:
            running.append(
                subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
                    words, cwd=copy, env=environment, stdout=told, stderr=told
                )
            )
    codes = [process.wait() for process in running]
    for code, log in zip(codes, logs, strict=True):
        if code:
            sys.exit(f"{log.read_text()[-4000:]}\nThe tests could not be run.")


def _remember(
    sites: Mapping[str, Site], caught: Mapping[str, str], outcomes: Outcomes
) -> None:
    """Keep what was found; guards that are gone are forgotten."""
    kept = {name: test for name, test in caught.items() if name in sites}
    for name, found in outcomes.items():
        kept.pop(name, None)
        if found["outcome"] == MISSED:
            kept[name] = found["test"]
    memory.write(kept)


def _report(
    tried: Mapping[str, Site], outcomes: Outcomes, known: set[str], seconds: float
) -> int:
    caught = {name for name, one in outcomes.items() if one["outcome"] == MISSED}
    bad = [name for name in tried if name not in caught and name not in KEPT]
    for name in bad:
        why = outcomes.get(name, {}).get("outcome", "was not tried")
        _say(f"SURVIVES {tried[name].guard}: {name}\n  {why}")
    stale = [name for name in KEPT if name not in known or name in caught]
    for name in stale:
        _say(f"KEPT FOR NOTHING: {name}\n  Take it off scripts/mutants/kept.py.")
    _say(
        f"{len(tried)} guards taken away in {seconds / 60:.1f} minutes: {len(caught)} missed by a test, "
        f"{len(tried) - len(caught) - len(bad)} kept with a reason, {len(bad)} survive."
    )
    return 1 if bad or stale else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a program for the terminal


if __name__ == "__main__":
    sys.exit(main())
