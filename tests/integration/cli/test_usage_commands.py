"""`atelier usage`."""

import json

from app.cli.edge import Exit
from tests.integration.cli.conftest import Atelier


def test_usage_is_printed(atelier: Atelier, owner: str) -> None:
    report = json.loads(atelier("usage", "--everyone", "--json").stdout)
    lines = atelier("usage", "--csv").stdout
    wrong = atelier("usage", "--since", "2026-11-02", "--until", "2026-11-01")

    assert "p95 ms" in atelier("usage", "--by", "agent").stdout
    assert (report["items"], report["total"]["calls"]) == ([], 0)
    assert lines.startswith("time,user_id,agent,run_id")
    assert wrong.exit_code == Exit.INVALID
