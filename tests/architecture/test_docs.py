"""The documents point to what exists."""

import re
from pathlib import Path

from tests.architecture.repository import committed_files, name_of

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def _dead_links(path: Path) -> list[str]:
    text = CODE.sub("", path.read_text())
    return [
        f"{name_of(path)}: {target}"
        for target in LINK.findall(text)
        if not (path.parent / target).exists()
    ]


def test_relative_links_lead_somewhere() -> None:
    documents = [path for path in committed_files() if path.suffix == ".md"]

    assert [dead for path in documents for dead in _dead_links(path)] == []
