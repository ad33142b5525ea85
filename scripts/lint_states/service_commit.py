"""Only `core/db.py` commits.

The edge opens the transaction, services work in it: so what belongs together is saved together, and jobs leave
after the commit or not at all.
"""

from collections.abc import Iterator

from scripts.lint_states.source import Finding, Source

CODE = "service-commit"
ALLOWED = {"app/backend/core/db.py"}


def check(source: Source) -> Iterator[Finding]:
    """Yield commits elsewhere."""
    if source.path in ALLOWED:
        return
    for call in source.calls("commit"):
        message = "Services never commit; use `db.transaction()` at the edge."
        yield source.find(call, CODE, message)
