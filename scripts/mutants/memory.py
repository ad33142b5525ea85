"""Which test misses which guard, as it was seen last: so the next run asks that one first.

Names of guards and tests have no line numbers, so that the memory outlasts changes around them.
"""

import json
from collections.abc import Mapping
from pathlib import Path

_FILE = Path(__file__).parent / "caught.json"


def read() -> dict[str, str]:
    """Return the test that misses a guard, by the name of the guard."""
    return json.loads(_FILE.read_text()) if _FILE.exists() else {}


def is_there(test: str, root: Path) -> bool:
    """Tell whether a test is still called so."""
    path, _, name = test.partition("::")
    file = root / path
    return file.is_file() and f"def {name.partition('[')[0]}(" in file.read_text()


def write(caught: Mapping[str, str]) -> None:
    """Keep what a whole run has found."""
    text = json.dumps(dict(sorted(caught.items())), indent=0, ensure_ascii=False)
    _FILE.write_text(f"{text}\n")
