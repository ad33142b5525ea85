"""How the embedder is told to multiply."""

from pathlib import Path

import pytest

from app.backend.knowledge.local_embedders import sums_bytes_exactly


@pytest.mark.parametrize(
    ("flags", "is_exact"),
    [
        ("flags : avx2 avx512_vnni avx512_bitalg", True),
        ("flags : avx2 avx_vnni", True),
        ("flags : avx2 avx512f", False),
    ],
)
def test_processor_with_vnni_sums_bytes_exactly(
    tmp_path: Path, flags: str, is_exact: bool
) -> None:
    described = tmp_path / "cpuinfo"
    described.write_text(flags)

    assert sums_bytes_exactly(described) is is_exact


def test_processor_of_which_nothing_is_known_takes_the_exact_way(
    tmp_path: Path,
) -> None:
    assert not sums_bytes_exactly(tmp_path / "cpuinfo")
