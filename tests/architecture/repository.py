"""The files of the repository, as git would commit them."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@cache
def committed_files() -> list[Path]:
    """Return the tracked and the new files, without what is ignored or deleted."""
    output = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [ROOT / name for name in sorted(set(output.split("\0"))) if name]
    return [path for path in paths if path.is_file()]


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below `folders`."""
    roots = [ROOT / folder for folder in folders]
    return [
        path
        for path in committed_files()
        if path.suffix == ".py" and any(path.is_relative_to(root) for root in roots)
    ]


def name_of(path: Path) -> str:
    """Return the path relative to the root."""
    return path.relative_to(ROOT).as_posix()
