"""Entry point of a parser's process: `python -m app.backend.knowledge.parser_main pdf|docx|html`."""

import importlib
import sys
from types import ModuleType

from app.backend.knowledge.parser_process import serve

_READERS = {
    "pdf": ("app.backend.knowledge.pdf_parser", "read_pdf"),
    "docx": ("app.backend.knowledge.markup_parser", "read_docx"),
    "html": ("app.backend.knowledge.markup_parser", "read_html"),
}


def main(kind: str) -> int:
    """Read a file of this kind, with no more imports than it takes: they cost more than most files."""
    # markitdown imports its guesser of kinds, and with it onnxruntime. Nobody guesses here.
    sys.modules["magika"] = ModuleType("magika")
    module, function = _READERS[kind]
    return serve(getattr(importlib.import_module(module), function))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
