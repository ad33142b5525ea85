"""What every measurement shares: percentiles, a table on the terminal, a file in `bench/results`."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
Value = str | float | int
Row = Mapping[str, Value]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that `percent` of `values` do not exceed."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def report(name: str, title: str, rows: Sequence[Row], *, goal: str = "") -> Path:
    """Print `rows` as a table, and write them to `bench/results/<name>.json` with the load of the machine."""
    table = Table(title=title, caption=f"goal: {goal}" if goal else None)
    for column in rows[0]:
        table.add_column(
            column, justify="left" if column == next(iter(rows[0])) else "right"
        )
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    Console().print(table)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    result = {
        "name": name,
        "title": title,
        "goal": goal,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "rows": list(rows),
    }
    path.write_text(json.dumps(result, indent=2) + "\n")
    return path


def _shown(value: Value) -> str:
    return (
        f"{value:,.2f}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else value
    )
