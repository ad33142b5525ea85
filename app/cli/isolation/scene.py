"""What every attack needs: who attacks whom, where, and what is written down."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from app.backend.bootstrap import Services
from app.backend.core import ids
from app.cli.isolation.findings import Report
from app.cli.isolation.people import Owned, Person, read_rows

_ANY_ID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
_ANY_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(Z|\+00:00)?")


@dataclass
class Scene:
    """`owner` has everything, `stranger` has as much of their own, `viewer` may only look and is a friend of both."""

    services: Services
    address: str
    owner: Person
    stranger: Person
    viewer: Person
    report: Report
    foreign: Owned = field(default_factory=dict[str, list[UUID]])
    own: Owned = field(default_factory=dict[str, list[UUID]])
    _before: Mapping[str, list[str]] = field(default_factory=dict[str, list[str]])

    async def look_at_rows(self) -> None:
        """Note the rows of the owner before the attacks."""
        self._before = await read_rows(self.services, self.owner.actor)

    async def check_rows(self, area: str, where: str) -> None:
        """Note which rows of the owner have changed since the last look."""
        now = await read_rows(self.services, self.owner.actor)
        for name, before in self._before.items():
            if now[name] != before:
                self.report.add(area, where, f"rows of {name} have changed.")
        self._before = now

    def check_words(self, area: str, where: str, text: str) -> None:
        """Note when a text tells the stranger what only the owner knows."""
        if self.owner.word in text:
            self.report.add(area, where, "shows what is the owner's.")

    def check_pair(
        self, area: str, where: str, foreign: object, absent: object
    ) -> None:
        """Note when the answer about a foreign thing is not that about none."""
        self.report.count(area)
        if foreign != absent:
            what = (
                f"tells a foreign thing from an absent one: {foreign} is not {absent}"
            )
            self.report.add(area, where, what)

    def check_kind(self, area: str, where: str, table: str) -> None:
        """Note when the owner has nothing that could be attacked."""
        if not self.foreign.get(table):
            self.report.add(area, where, f"proves nothing: the owner has no {table}.")


def absent_id() -> str:
    """Return the id of nothing."""
    return str(ids.new_id())


def masked(text: str) -> str:
    """Return the text without ids and times, so that two answers can be compared."""
    return _ANY_TIME.sub("TIME", _ANY_ID.sub("ID", text))
