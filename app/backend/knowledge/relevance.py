"""Decides whether the best passages may answer a question at all."""

from collections.abc import Iterable

# Fitted on one half of the evaluation set and checked on the other: docs/knowledge.md.
ENOUGH = 0.5
WORDS_SHARE = 0.5


def is_relevant(evidence: Iterable[tuple[float, float]]) -> bool:
    """Tell whether one passage is near enough.

    Args:
        evidence: for each passage its cosine similarity to the question, and the share of the
            question's rare words that it has. Either alone may be enough.
    """
    return any(near + WORDS_SHARE * words >= ENOUGH for near, words in evidence)
