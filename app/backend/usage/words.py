"""Money and its certainty in words; `event_log_text.js` says the same in the log."""

from app.backend.usage.schemas import RunCost, UsageSum

MICROS = 1_000_000
_SMALLEST = 100


def money(micros: int) -> str:
    """Return an amount of millionths of a dollar, exact enough to compare."""
    if 0 < micros < _SMALLEST:
        return "<$0.0001"
    digits = 4 if 0 < micros < MICROS else 2
    return f"${micros / MICROS:,.{digits}f}" if micros else "$0"


def token_words(count: int) -> str:
    """Return a number of tokens."""
    return f"{count:,} token{'' if count == 1 else 's'}"


def cost_words(spent: UsageSum | RunCost) -> str:
    """Return a cost, and whether it is estimated, or not the whole."""
    if spent.calls and spent.unpriced == spent.calls:
        return "unknown"
    least = "at least " if spent.unpriced else ""
    about = " (estimated)" if spent.estimated and spent.cost_micros else ""
    return f"{least}{money(spent.cost_micros)}{about}"
