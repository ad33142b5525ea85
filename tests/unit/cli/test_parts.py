from pathlib import Path

import pytest

from app.cli import parts
from tests.stack import settings_of


@pytest.mark.parametrize(("workers", "readers"), [(1, [1]), (2, [2]), (3, [2, 3])])
def test_one_of_several_workers_reads_no_documents(
    workers: int, readers: list[int]
) -> None:
    settings = settings_of(Path("data"), workers=workers)
    made = {n: parts.worker(settings, n) for n in range(1, workers + 1)}

    found = [
        n for n, part in made.items() if "ATELIER_WORKER_INGESTS" not in part.variables
    ]

    assert found == readers


def test_chroma_writes_no_line_for_each_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUST_LOG", raising=False)
    part = parts.chroma(settings_of(tmp_path), 8002)

    assert part.variables == {"RUST_LOG": "warn"}
