"""The words that runs are found by: those of the question and of the error, on every database cut the same way.

They are kept with a mark of the owner before each, so that everyone has words of their own in the index: a search
never walks through the runs of others.
"""

import re
from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from app.backend.core.db import Session
from app.backend.runs.inputs import query_of
from app.backend.runs.tables import RunRow, RunTextRow

WORDS_MAX = 300
_LETTERS_MAX = 64
_CHARACTERS_MAX = 20_000
_CHANCE_BITS = 21
_PLACE_BITS = 63
_MARK_LETTERS = 6
_BEGINNING_MAX = 8
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Return the different words of a text in small letters, the first `WORDS_MAX` of them."""
    found = _WORD.findall(text[:_CHARACTERS_MAX].casefold())
    return list(dict.fromkeys(word[:_LETTERS_MAX] for word in found))[:WORDS_MAX]


def kept_words(owner_id: UUID, text: str) -> str:
    """Return the words of a text as they are kept."""
    return " ".join(f"{_mark(owner_id)}{word}" for word in words_of(text))


def place_of(run_id: UUID) -> int:
    """Return where a run stands among all in time, as a whole number: milliseconds, and a part of the id's chance."""
    chance = run_id.int & ((1 << _CHANCE_BITS) - 1)
    place = ((run_id.int >> 80) << _CHANCE_BITS) | chance
    return place & ((1 << _PLACE_BITS) - 1)


def add_words(session: Session, row: RunRow) -> None:
    """Let a new run be found by its question."""
    session.add(
        RunTextRow(
            place=place_of(row.id),
            run_id=row.id,
            owner_id=row.owner_id,
            words=kept_words(row.owner_id, query_of(row.input)),
        )
    )


async def add_error_words(session: Session, row: RunRow) -> None:
    """Let a run that has ended be found by its error too."""
    query = select(
        RunTextRow
    ).where(  # lint-skip: repo-scope - the engine ends everyone's runs
        col(RunTextRow.run_id) == row.id
    )
    text = (await session.exec(query)).first()
    if text is not None:
        text.words = kept_words(row.owner_id, f"{query_of(row.input)} {row.error}")
        session.add(text)


def full_text_query(words: Sequence[str], owner_id: UUID) -> str:
    """Return what SQLite's full-text table is asked for: what begins as each of the words.

    It has entries for beginnings up to a length, and would gather all words that begin with a longer one; `long_words`
    are looked for in each row.
    """
    return " ".join(f'"{_mark(owner_id)}{word[:_BEGINNING_MAX]}"*' for word in words)


def long_words(words: Sequence[str]) -> list[str]:
    """Return those of the words for which the full-text table is not enough."""
    return [word for word in words if len(word) > _BEGINNING_MAX]


def beginnings(words: Sequence[str], owner_id: UUID) -> list[str]:
    """Return what the kept words must have in them, with a space before all of them, to have words that begin so."""
    return [f" {_mark(owner_id)}{word}" for word in words]


def vector_query(words: Sequence[str], owner_id: UUID) -> str:
    """Return the same for PostgreSQL's text search."""
    return " & ".join(f"'{_mark(owner_id)}{word}':*" for word in words)


def _mark(owner_id: UUID) -> str:
    # Two owners may have the same one: the rows say whose they are.
    return owner_id.hex[-_MARK_LETTERS:]
