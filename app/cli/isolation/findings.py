"""What the prover tried, and what it found."""

from collections import Counter
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, Field

from app.backend.core import clock
from app.cli import output

_TEXT_MAX = 300


class Finding(BaseModel):
    """Something that a stranger could see, do or tell apart; or an attack that would prove nothing."""

    area: str
    where: str
    what: str


class Report(BaseModel):
    """How many attacks were tried in each area, and what was found."""

    at: datetime = Field(default_factory=clock.now)
    address: str
    seconds: float = 0
    tried: dict[str, int] = Field(default_factory=dict[str, int])
    findings: list[Finding] = Field(default_factory=list[Finding])

    def count(self, area: str, attacks: int = 1) -> None:
        """Note that attacks were tried."""
        self.tried[area] = self.tried.get(area, 0) + attacks

    def add(self, area: str, where: str, what: str) -> None:
        """Note a finding; the same one is noted once."""
        found = Finding(area=area, where=where, what=what[:_TEXT_MAX])
        if found not in self.findings:
            self.findings.append(found)

    def write(self, path: Path) -> None:
        """Write it down as JSON; only this user can read the file."""
        path.touch(mode=0o600)
        path.write_text(self.model_dump_json(indent=2) + "\n")

    def show(self) -> None:
        """Print it for people."""
        found = Counter(finding.area for finding in self.findings)
        lines = [(area, count, found[area]) for area, count in self.tried.items()]
        lines += [
            (area, 0, count) for area, count in found.items() if area not in self.tried
        ]
        output.print_table(("attacks on", "tried", "findings"), lines)
        for finding in self.findings:
            output.say(f"{finding.area}: {finding.where}: {finding.what}")
