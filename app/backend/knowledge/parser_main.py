"""The process that parsers are forked from, one for each file: `python -m app.backend.knowledge.parser_main`.

Python's start and the imports of a parser take longer than most files to read, so they happen once. Standard input is
a socket that brings the kind of a file and a connection of its own for it. The process ends when that socket does, or
when nobody has asked for a while.
"""

import importlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType

from app.backend.knowledge.parsed import Parsed
from app.backend.knowledge.parser_process import serve

KIND_BYTES = 4
IDLE_SECONDS = 20.0
_READERS = {
    "pdf": ("app.backend.knowledge.pdf_parser", "read_pdf"),
    "docx": ("app.backend.knowledge.docx_parser", "read_docx"),
    "html": ("app.backend.knowledge.markup_parser", "read_html"),
}
# What would be imported by the first file of a kind, and so by each of them, since each is the first of its fork.
_LATE = {"pdf": "pypdf.filters", "docx": "encodings.cp437"}


def main() -> None:
    """Fork a parser for each file that is asked for."""
    # markitdown imports its guesser of kinds, and with it onnxruntime. Nobody guesses here.
    sys.modules["magika"] = ModuleType("magika")
    # Ended children need no burial.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    orders = socket.socket(fileno=0)
    orders.settimeout(IDLE_SECONDS)
    while True:
        try:
            kind, connections, _, _ = socket.recv_fds(orders, KIND_BYTES, 1)
        except TimeoutError:
            return
        if not kind:
            return
        read = _reader(kind.decode().strip())
        if os.fork() == 0:
            _answer(orders, connections[0], read)
        os.close(connections[0])


@cache
def _reader(kind: str) -> Callable[[bytes], Parsed]:
    module, function = _READERS[kind]
    if kind in _LATE:
        importlib.import_module(_LATE[kind])
    return getattr(importlib.import_module(module), function)


def _answer(orders: socket.socket, fd: int, read: Callable[[bytes], Parsed]) -> None:
    code = 1
    try:
        orders.close()
        with socket.socket(fileno=fd) as connection:
            serve(connection, read)
        code = 0
    except Exception as error:  # noqa: BLE001  # lint-skip: edge-catch - one file's error is its own
        sys.stderr.write(f"{error!r}\n")
        sys.stderr.flush()
    finally:
        # Whatever happens, the child must not go on as a second server.
        os._exit(code)


if __name__ == "__main__":
    main()
