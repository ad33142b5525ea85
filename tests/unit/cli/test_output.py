"""What people read in a terminal has no marks of Python in it."""

from uuid import UUID

import pytest

from app.cli.output import print_fields

ID = UUID(int=1)


def test_lists_are_items_with_commas(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"ids": [ID, ID], "names": ["a [b]"], "none": []})

    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [[part.strip() for part in line] for line in lines] == [
        ["ids", f"{ID}, {ID}"],
        ["names", "a [b]"],
        ["none", "-"],
    ]
