"""What workers do before they work is done once for all that are forked from one process."""

from collections.abc import Generator

import pytest

from app.backend.core.settings import Settings
from app.workers import worker


@pytest.fixture
def rehearsals(monkeypatch: pytest.MonkeyPatch) -> Generator[list[str], None, None]:
    """How the rehearsals ended; the first one fails."""
    ended: list[str] = []

    async def rehearse(_settings: Settings) -> None:
        ended.append("badly" if not ended else "well")
        if ended == ["badly"]:
            raise ConnectionError

    monkeypatch.setattr("app.workers.rehearsal.rehearse", rehearse)
    worker.get_ready.cache_clear()
    yield ended
    worker.get_ready.cache_clear()


def test_rehearsal_is_repeated_until_it_went_well(rehearsals: list[str]) -> None:
    with pytest.raises(ConnectionError):
        worker.get_ready()
    for _ in range(3):
        worker.get_ready()

    assert rehearsals == ["badly", "well"]
