"""The whole installation under its supervisor: what dies comes back, and nothing outlives a killed supervisor."""

from pathlib import Path

import httpx

from app.backend.core.settings import PARTS_FILE
from tests.parts import wait_until
from tests.product import Product


def test_killed_parts_come_back_and_a_killed_supervisor_leaves_nothing(
    folder: Path,
) -> None:
    product = Product(folder / "killed", "--workers", "1").start()
    mode = (product.data_dir / PARTS_FILE).stat().st_mode

    for words in ("valkey-server", "app.workers.runtime"):
        product.kill_part(words)
    wait_until(
        lambda: product.read_output().count("is back.") == 2,
        seconds=60,
        what="Valkey and the runtime come back",
    )
    is_alive = httpx.get(f"{product.url}/health/live").is_success
    count = len(product.processes())
    left = product.kill()

    assert left == []
    assert count > 6
    assert is_alive
    assert mode & 0o777 == 0o600
