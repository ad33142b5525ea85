"""What a fault test found: one trial after the other, then one row of the table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import quantiles
from typing import Any


@dataclass(frozen=True)
class Trial:
    """One fault and what came of it; `problem` is empty when all was well."""

    problem: str = ""
    seconds: float | None = None
    duplicates: int = 0
    lost: int = 0


@dataclass(frozen=True)
class Outcome:
    """The row of one fault test; `figures` are what else was measured, `late` is what took too long."""

    good: int
    of: int
    p95_seconds: float | None = None
    duplicates: int = 0
    lost: int = 0
    figures: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[str] = field(default_factory=list[str])
    late: list[str] = field(default_factory=list[str])

    @property
    def is_right(self) -> bool:
        """Whether nothing was lost, done twice or left undone, however long it took."""
        is_whole = not self.duplicates and not self.lost
        return self.good == self.of and is_whole and not self.problems

    @property
    def passed(self) -> bool:
        """Whether all went as it must, and in time."""
        return self.is_right and not self.late

    def to_dict(self) -> dict[str, Any]:
        """Return it for a file."""
        return {**asdict(self), "passed": self.passed}


def sum_up(
    trials: Sequence[Trial],
    *,
    p95_max: float | None = None,
    figures: dict[str, str] | None = None,
) -> Outcome:
    """Return the row of `trials`; a p95 above `p95_max` seconds is too late."""
    times = [trial.seconds for trial in trials if trial.seconds is not None]
    p95 = percentile(times, 95) if times else None
    problems = [
        f"trial {number}: {trial.problem}"
        for number, trial in enumerate(trials, start=1)
        if trial.problem
    ]
    late = (
        [f"p95 is {p95:.2f} s, more than {p95_max:g} s"]
        if p95_max is not None and p95 is not None and p95 > p95_max
        else []
    )
    return Outcome(
        good=sum(not trial.problem for trial in trials),
        of=len(trials),
        p95_seconds=p95,
        duplicates=sum(trial.duplicates for trial in trials),
        lost=sum(trial.lost for trial in trials),
        figures=figures or {},
        problems=problems,
        late=late,
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that `percent` of `values` do not exceed."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]
