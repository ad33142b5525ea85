"""Cuts a text into passages that fit the embedder and leave the chat model room to answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from langchain_text_splitters import RecursiveCharacterTextSplitter

from app.backend.knowledge.parsed import Parsed

# MiniLM reads 256 tokens; four passages and an answer must fit the 2,048 of the shipped chat model.
TOKENS_MAX = 100
TOKENS_OVERLAP = 20
_SEPARATORS = ["\n\n", "\n", r"(?<=[.!?])\s+", r"(?<=[;,])\s+", r"\s+", ""]
_WORD = re.compile(r"[a-zA-Z]+|\d|[^\s\w]|\w")
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$")
_FENCE = re.compile(r"^\s*(```|~~~)")


@dataclass(frozen=True)
class Piece:
    """A passage: characters `start` to `end` of the parsed text."""

    text: str
    heading: str
    page: int | None
    start: int
    end: int


@dataclass(frozen=True)
class _Section:
    start: int
    end: int
    heading: str


def cut(parsed: Parsed) -> list[Piece]:
    """Return the passages of a document, in order.

    A passage never spans two pages or two sections, so that its page and heading are exact.
    """
    splitter = RecursiveCharacterTextSplitter(
        separators=_SEPARATORS,
        is_separator_regex=True,
        keep_separator="end",
        chunk_size=TOKENS_MAX,
        chunk_overlap=TOKENS_OVERLAP,
        length_function=count_tokens,
        add_start_index=True,
    )
    sections = (
        find_sections(parsed.text)
        if parsed.is_markdown
        else (_Section(start, end, "") for start, end in parsed.spans())
    )
    return [piece for section in sections for piece in _cut(parsed, section, splitter)]


def count_tokens(text: str) -> int:
    """Estimate the tokens of a text: long words count double, each letter of other scripts counts."""
    return sum(1 + len(word) // 8 for word in _WORD.findall(text))


def find_sections(text: str) -> Iterator[_Section]:
    """Yield the parts between Markdown headings, each with the path of headings above it."""
    path: list[tuple[int, str]] = []
    start = place = 0
    is_code = False
    for line in text.splitlines(keepends=True):
        is_code ^= bool(_FENCE.match(line))
        found = None if is_code else _HEADING.match(line.rstrip("\n"))
        if found:
            if text[start:place].strip():
                yield _Section(start, place, _words(path))
            level = len(found[1])
            path = [item for item in path if item[0] < level]
            path.append((level, found[2].replace("*", "").strip()))
            start = place
        place += len(line)
    if text[start:].strip():
        yield _Section(start, len(text), _words(path))


def searchable_text(document_name: str, heading: str, text: str) -> str:
    """Return what is embedded and indexed: the passage under the names of its document and section."""
    name = re.sub(r"[_-]+", " ", PurePath(document_name).stem)
    return f"{' > '.join(part for part in (name, heading) if part)}\n{text}"


def _words(path: list[tuple[int, str]]) -> str:
    return " > ".join(title for _, title in path)


def _cut(
    parsed: Parsed, section: _Section, splitter: RecursiveCharacterTextSplitter
) -> Iterator[Piece]:
    for place, text in _split(parsed.text[section.start : section.end], splitter):
        start = section.start + place
        if is_heading_only(text):
            continue
        yield Piece(
            text=text,
            heading=section.heading,
            page=parsed.page_at(start),
            start=start,
            end=start + len(text),
        )


def _split(
    text: str, splitter: RecursiveCharacterTextSplitter
) -> Iterator[tuple[int, str]]:
    """Yield parts that are short enough, each with its place."""
    bare = text.strip()
    if bare and count_tokens(bare) <= TOKENS_MAX:
        # The splitter would take it apart and put it together again.
        yield text.index(bare), bare
        return
    for found in splitter.create_documents([text]):
        yield found.metadata["start_index"], found.page_content


def is_heading_only(text: str) -> bool:
    """Tell whether a passage has nothing but its heading, which answers no question."""
    return "\n" not in text and bool(_HEADING.match(text))
