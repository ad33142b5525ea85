"""Checks the rules of `scripts/lint_states`: `python -m scripts.state_lint app/`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.lint_states import (
    edge_catch,
    repo_scope,
    run_entry,
    service_commit,
    state_guard,
    state_lock,
    state_public,
    state_size,
    state_type,
)
from scripts.lint_states.source import Finding, Source

ROOT = Path(__file__).parent.parent
RULES = (
    edge_catch,
    run_entry,
    service_commit,
    state_guard,
    state_lock,
    state_public,
    state_size,
    state_type,
)


def lint(sources: list[Source]) -> Iterator[Finding]:
    """Yield what breaks a rule and is not skipped."""
    owned = repo_scope.owned_tables(sources)
    for source in sources:
        findings = [finding for rule in RULES for finding in rule.check(source)]
        findings += repo_scope.check(source, owned)
        yield from (found for found in findings if not source.is_skipped(found))


def main() -> int:
    """Print the findings; the exit code is 1 when there are any."""
    folders = sys.argv[1:] or ["app"]
    paths = [path for name in folders for path in sorted((ROOT / name).rglob("*.py"))]
    findings = list(lint([Source.read(path, ROOT) for path in paths]))
    for finding in findings:
        print(finding)  # noqa: T201 - a program for the terminal
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
