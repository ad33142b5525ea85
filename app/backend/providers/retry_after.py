"""What a service says of when to ask it again."""

import math
from datetime import UTC
from email.utils import parsedate_to_datetime

from app.backend.core import clock


def parse(header: str) -> int | None:
    """Return the seconds that a `Retry-After` means: a number, or a date in HTTP's form; None where it is neither.

    Source: RFC 9110, section 10.2.3.
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, math.ceil((moment - clock.now()).total_seconds()))
