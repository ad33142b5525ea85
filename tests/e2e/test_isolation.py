"""`atelier doctor --isolation` on the running product."""

import asyncio
import json
import os
import stat
import sys
from pathlib import Path

import pytest

from app.cli.doctor import ISOLATION_FILE
from tests.product import Product


# It takes a minute on a quiet machine, and three on a busy one.
@pytest.mark.timeout(400, func_only=True)
async def test_stranger_finds_nothing(product: Product, login: object) -> None:
    # Nobody needs to be signed in to say so.
    product.expected.append("page_broke")
    program = Path(sys.executable).parent / "atelier"
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ATELIER_")
    }
    asked = await asyncio.create_subprocess_exec(
        *(str(program), "doctor", "--isolation", "--json", "--url", product.url),
        env={**clean, "ATELIER_DATA_DIR": str(product.data_dir)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, log = await asked.communicate()
    report = json.loads(out or "{}")

    assert asked.returncode == 0, (report.get("findings"), log.decode()[-3000:])
    assert report["findings"] == []
    assert report["tried"].keys() == {
        "page events",
        "page events without login",
        "page events without right",
        "routes",
        "sockets and streams",
        "without login",
        "without right",
    }
    # There are few sockets, and as many actions on them.
    assert min(report["tried"].values()) > 10
    path = product.data_dir / ISOLATION_FILE
    assert json.loads(path.read_text()) == report
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
