"""Each part can be run alone, as `atelier up --only` does it: `python -m` of its module begins its work."""

import runpy
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from pydantic import ValidationError

from app.backend.core import settings
from app.workers import runtime, scheduler, worker


@pytest.fixture
def wrong_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever reads the settings fails."""
    monkeypatch.setenv("ATELIER_PORT", "none")
    settings.load.cache_clear()
    yield
    settings.load.cache_clear()


@pytest.mark.usefixtures("wrong_port")
@pytest.mark.parametrize("part", [runtime, scheduler, worker])
def test_part_that_is_run_alone_reads_its_settings(
    part: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is read once more; what it imports is there already.
    monkeypatch.delitem(sys.modules, part.__name__)

    with pytest.raises(ValidationError, match="port"):
        runpy.run_module(part.__name__, run_name="__main__", alter_sys=True)
