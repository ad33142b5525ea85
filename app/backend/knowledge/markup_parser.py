"""Reads HTML, in a process of its own."""

import re

import soupsieve
from bs4 import BeautifulSoup
from markitdown.converters import HtmlConverter

from app.backend.knowledge.decoding import decode_text
from app.backend.knowledge.parsed import Parsed, clean

# Made at the import: each file is read in a fork of its own, which would make it anew.
_BOILERPLATE = soupsieve.compile(
    "script, style, noscript, template, svg, nav, header, footer, aside, form, iframe, [hidden], [aria-hidden=true]"
)


def read_html(body: bytes) -> Parsed:
    """Return the main part of a web page as Markdown."""
    soup = BeautifulSoup(decode_text(body), "html.parser")
    title = soup.title.extract().get_text(strip=True) if soup.title else ""
    main = soup.find("main") or soup.find("article") or soup.body or soup
    for element in _BOILERPLATE.select(main):
        # A header inside the text, as in <article><header><h1>, is no boilerplate.
        if element.name != "header" or element.find(["h1", "h2"]) is None:
            element.decompose()
    text = tidy_markdown(HtmlConverter().convert_string(str(main)).markdown)
    if title and not re.search(r"^# ", text, re.MULTILINE):
        text = f"# {title}\n\n{text}"
    return Parsed(text=text, is_markdown=True)


def tidy_markdown(text: str) -> str:
    """Return Markdown without images, link targets and runs of blank lines."""
    text = re.sub(r"!\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\[([^\]]+)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)", r"\1", text)
    return re.sub(r"\n{3,}", "\n\n", clean(text).replace("\xa0", " ")).strip()
