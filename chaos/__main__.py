"""Tries the faults that are named, or all of them, on both stacks: `python -m chaos --seed 7 R-02`."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from app.backend.core import clock
from chaos import table
from chaos.fault import STACKS, Fault
from chaos.faults import FAULTS
from chaos.outcome import Outcome
from chaos.trying import try_fault
from tests.processes import ForkServer
from tests.stack import Stack, start_stack


def main() -> int:
    """Try them one after the other, write the table, and return whether one failed."""
    wanted = _parse(sys.argv[1:])
    chosen = [FAULTS[name] for name in wanted.faults or FAULTS]
    failed: list[str] = []
    for kind in wanted.stack or STACKS:
        faults = [fault for fault in chosen if kind in fault.stacks]
        if faults:
            failed += _try_all(kind, faults, wanted.seed, is_quick=wanted.quick)
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return len(failed) > 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("faults", nargs="*", metavar="ID", help="default: all")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    parser.add_argument(
        "--stack", choices=STACKS, action="append", help="default: both"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="as few times as the tests do; the table is not written",
    )
    wanted = parser.parse_args(arguments)
    unknown = [name for name in wanted.faults if name not in FAULTS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; choose from {', '.join(FAULTS)}")
    return wanted


def _try_all(
    kind: str, faults: Sequence[Fault], seed: int, *, is_quick: bool
) -> list[str]:
    failed: list[str] = []
    with ExitStack() as opened:
        stack = opened.enter_context(start_stack(kind))
        server = opened.enter_context(ForkServer(stack))
        for fault in faults:
            rounds = fault.quick if is_quick else fault.rounds
            print(f"{fault.id} on {kind}, seed {seed}, {rounds} rounds…", flush=True)
            began = clock.monotonic()
            outcome = _try(stack, server, fault, seed, rounds)
            took = clock.monotonic() - began
            _show(fault, outcome, took)
            if not outcome.passed:
                failed.append(f"{fault.id} on {kind}")
            if not is_quick:
                table.keep(kind, fault, outcome, seed=seed, seconds=took)
    return failed


def _try(
    stack: Stack, server: ForkServer, fault: Fault, seed: int, rounds: int
) -> Outcome:
    async def play() -> Outcome:
        with tempfile.TemporaryDirectory(dir=stack.folder, prefix=fault.id) as folder:
            return await try_fault(stack, server, Path(folder), fault, seed, rounds)

    try:
        return asyncio.run(play())
    except Exception as error:  # noqa: BLE001 - one that breaks must not keep the others from being tried
        problem = f"{type(error).__name__}: {error}"
        return Outcome(good=0, of=rounds, problems=[problem])


def _show(fault: Fault, outcome: Outcome, took: float) -> None:
    words = [
        "passed" if outcome.passed else "FAILED",
        f"{outcome.good} of {outcome.of}",
        *(
            [f"p95 {outcome.p95_seconds:.2f} s"]
            if outcome.p95_seconds is not None
            else []
        ),
        f"{outcome.duplicates} duplicates, {outcome.lost} lost",
        *(f"{name}: {value}" for name, value in outcome.figures.items()),
        f"took {took:.0f} s",
    ]
    print(f"{fault.id} {'; '.join(words)}")
    for problem in [*outcome.problems, *outcome.late][:10]:
        print(f"    {problem}")


if __name__ == "__main__":
    sys.exit(main())
