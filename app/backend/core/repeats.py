"""Finds the end of a text that says the same over and over, as small models do when they lose their way."""

TIMES = 6
_SIZE_MIN, _SIZE_MAX = 4, 200
_LENGTH_MIN = 120
LENGTH_MAX = TIMES * _SIZE_MAX


def repeated_size(text: str) -> int:
    """Return how long the piece is that the end of `text` repeats, 0 when it repeats none."""
    for size in range(_SIZE_MIN, min(_SIZE_MAX, len(text) // TIMES) + 1):
        piece = text[-size:]
        times = max(TIMES, -(-_LENGTH_MIN // size))
        if text.endswith(piece * times) and any(map(str.isalpha, piece)):
            return size
    return 0


def say_once(text: str) -> str:
    """Return `text` with what its end repeats said once."""
    size = repeated_size(text)
    if not size:
        return text
    while text[-size:] == text[-2 * size : -size]:
        text = text[:-size]
    return text.rstrip()
