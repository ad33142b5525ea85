"""Runs the measurements that are named, or all of them: `python -m bench p2_log_bytes p3_start`."""

import pkgutil
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
NAME = re.compile(
    r"p\d+_|log_|list_|logins"
)  # p3_run_start; the rest of the folder is not a measurement


def main() -> int:
    """Run one after the other, each in a process of its own; the exit code tells whether one failed."""
    found = [
        module.name
        for module in pkgutil.iter_modules([str(FOLDER)])
        if NAME.match(module.name)
    ]
    failed = [
        name
        for name in sys.argv[1:] or found
        if subprocess.run(
            [sys.executable, "-m", f"bench.{name}"], cwd=FOLDER.parent, check=False
        ).returncode
    ]
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return len(failed) > 0


if __name__ == "__main__":
    sys.exit(main())
