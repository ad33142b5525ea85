"""Keeps what was measured, and writes `docs/reliability.md` from it."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaos.fault import STACKS, Fault
from chaos.faults import FAULTS
from chaos.outcome import Outcome

RESULTS = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"
NAMES = {"sqlite": "SQLite + Valkey", "postgres": "PostgreSQL + Redis"}
_FAULTS_HEAD = """| test | what is done | what must hold |
|---|---|---|"""
_HEAD = """| test | stack | well | p95 | done twice | lost | what else was measured |
|---|---|---|---|---|---|---|"""


def keep(
    kind: str, fault: Fault, outcome: Outcome, *, seed: int, seconds: float
) -> None:
    """Keep the newest result of a fault on a stack, and write the page again."""
    results = _read()
    results[f"{fault.id} {kind}"] = {
        "id": fault.id,
        "stack": kind,
        "seed": seed,
        "took_seconds": round(seconds, 1),
        "measured_at": datetime.now(UTC).isoformat(timespec="minutes"),
        "load_average": round(os.getloadavg()[0], 1),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        **outcome.to_dict(),
    }
    RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    write_page()


def write_page() -> None:
    """Write what is done and what was measured into the page, between its marks."""
    results = _read()
    kept = [
        results[name]
        for fault in FAULTS.values()
        for kind in STACKS
        if (name := f"{fault.id} {kind}") in results
    ]
    faults = [f"| {one.id} | {one.what} | {one.must} |" for one in FAULTS.values()]
    text = _put(PAGE.read_text(), "faults", [_FAULTS_HEAD, *faults])
    PAGE.write_text(_put(text, "table", [_HEAD, *map(_line, kept)]))


def _put(text: str, name: str, lines: list[str]) -> str:
    begin, end = (f"<!-- {name}: {where} -->" for where in ("begin", "end"))
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    return "\n".join([f"{head}{begin}", *lines, f"{end}{tail}"])


def _read() -> dict[str, dict[str, Any]]:
    return json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}


def _line(result: dict[str, Any]) -> str:
    p95 = result["p95_seconds"]
    figures = [f"{name}: {value}" for name, value in result["figures"].items()]
    figures.append(
        f"seed {result['seed']}, {result['took_seconds']:.0f} s, load {result['load_average']}"
    )
    if not result["passed"]:
        wrong = "; ".join([*result["problems"], *result["late"]][:3])
        figures = [f"**failed**: {wrong}", *figures]
    cells = (
        result["id"],
        NAMES[result["stack"]],
        f"{result['good']:,} of {result['of']:,}",
        "-" if p95 is None else f"{p95:.2f} s",
        f"{result['duplicates']}",
        f"{result['lost']}",
        "; ".join(figures),
    )
    return f"| {' | '.join(cells)} |"
