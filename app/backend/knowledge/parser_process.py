"""What a parser's process may use, and how it answers: a hostile file costs no more than this."""

import json
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict

from app.backend.knowledge.parsed import Parsed

CPU_SECONDS_MAX = 120
MEMORY_MAX = 2 * 1024**3
EXIT_UNREADABLE = 3


class CannotRead(Exception):
    """The file cannot be read; the text is for its owner."""


def serve(read: Callable[[bytes], Parsed]) -> int:
    """Read the file from standard input and write its text to standard output, as JSON."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        parsed = read(sys.stdin.buffer.read())
    except CannotRead as error:
        sys.stderr.write(str(error))
        return EXIT_UNREADABLE
    json.dump(asdict(parsed), sys.stdout)
    return 0
