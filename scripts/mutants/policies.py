"""The policies of PostgreSQL as guards: each is dropped, and each table's wall taken down, in a database of the tests."""

from collections.abc import Iterator

import psycopg

PLACE = "postgres"
_POLICY = "policy "
# Without it the wall stands open for all, or for the role that owns the table.
_SWITCHES = {
    "row security enabled": "DISABLE ROW LEVEL SECURITY",
    "row security forced": "NO FORCE ROW LEVEL SECURITY",
}


def list_policies(url: str) -> Iterator[tuple[str, str]]:
    """Yield each table that has policies, with what can be taken away from it."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT tablename, policyname FROM pg_policies ORDER BY 1, 2"
        ).fetchall()
    for table, policy in found:
        yield table, f"{_POLICY}{policy}"
    for table in dict.fromkeys(table for table, _ in found):
        for text in _SWITCHES:
            yield table, text


def removal(table: str, text: str) -> str:
    """Return the statement that takes it away."""
    if text.startswith(_POLICY):
        return f'DROP POLICY {text.removeprefix(_POLICY)} ON "{table}"'
    return f'ALTER TABLE "{table}" {_SWITCHES[text]}'
