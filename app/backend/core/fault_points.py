"""Places where a test lets a process die, exactly between two writes.

With `ATELIER_FAULT_POINTS` on, for runs of the scripted model and for rotations of keys only: a file `<data>/fault_points/<name>` arms the
point of that name. A number in it is how often it is passed first. The process takes the file away and kills itself,
so that the next attempt passes.
"""

import os
import signal
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_FOLDER = "fault_points"


class FaultPoint(StrEnum):
    """After the intent, before the effect; after the effect, before its record; around the writes of a checkpoint; between the steps of a rotation."""

    EFFECT_INTENDED = "effect_intended"
    EFFECT_DONE = "effect_done"
    STEP_DONE = "step_done"  # a node's values are stored, their checkpoint is not
    CHECKPOINT_STORED = (
        "checkpoint_stored"  # the saver has it, the run's rows do not vouch for it
    )
    KEY_ROTATED = "key_rotated"  # some is sealed with the new key, some with the former


def pass_by(_point: FaultPoint) -> None:
    """Go on: the way of every process outside tests."""


@dataclass(frozen=True)
class FaultPoints:
    """The points that are armed in a data folder."""

    data_dir: Path

    def arm(self, point: FaultPoint, *, passes: int = 0) -> None:
        """Let the next process die that comes to `point`, after `passes` that go on."""
        path = self._path(point)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(passes))

    def is_armed(self, point: FaultPoint) -> bool:
        """Tell whether nobody has died there yet."""
        return self._path(point).exists()

    def pass_point(self, point: FaultPoint) -> None:
        """Go on, or die without a word when the point is armed."""
        path = self._path(point)
        try:
            passes = int(path.read_text() or 0)
        except (FileNotFoundError, ValueError):
            return
        if passes:
            path.write_text(str(passes - 1))
            return
        path.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGKILL)

    def _path(self, point: FaultPoint) -> Path:
        return self.data_dir / _FOLDER / point
