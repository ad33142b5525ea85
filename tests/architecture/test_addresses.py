"""What is committed works everywhere: no address of a package source, no path of one machine, no lock file."""

import re
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, committed_files, name_of

# Written in pieces, so that this file does not break its own rule.
HOSTS = re.compile(
    r"https?://[^\s\"'/)]*(?:"
    + "|".join(("py" + "pi", "pythonho" + "sted", "npm" + "js", "regis" + "try"))
    + r")[\w.:-]*"
)
MACHINE_PATHS = re.compile(
    r"(?<![\w.~}$-])/(?:"
    + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me/[a-z]+"))
    + r")/[\w.]"
)
# Their paths are those inside a container.
CONTAINER_FILES = {"docker-compose.yml", "Dockerfile"}
LOCK_FILES = {
    "uv" + ".lock",
    "poetry" + ".lock",
    "package-lock" + ".json",
    "yarn" + ".lock",
    "pnpm-lock" + ".yaml",
    "bun" + ".lock",
    "bun" + ".lockb",
}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except UnicodeDecodeError:
        return []


def _matches(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name_of(path)}:{number}: {found.group()}"
        for path in committed_files()
        if path.name not in CONTAINER_FILES or pattern is HOSTS
        for number, line in enumerate(_lines(path), start=1)
        if (found := pattern.search(line))
    ]


@pytest.mark.parametrize("pattern", [HOSTS, MACHINE_PATHS], ids=["hosts", "paths"])
def test_no_file_names_one_machine(pattern: re.Pattern[str]) -> None:
    assert _matches(pattern) == []


def test_no_lock_file_is_committed() -> None:
    assert [
        name_of(path) for path in committed_files() if path.name in LOCK_FILES
    ] == []


def test_root_of_this_checkout_is_in_no_file() -> None:
    assert _matches(re.compile(re.escape(str(ROOT)) + r"\b")) == []
