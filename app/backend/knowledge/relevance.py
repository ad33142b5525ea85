"""Decides whether the best passages may answer a question at all."""

from collections.abc import Sequence

from app.backend.core.run_events import Passage

# Calibrated on one half of the evaluation set, checked on the other: docs/knowledge.md.
NEAR_ENOUGH = 0.5
NEAR_WITH_WORDS = 0.3
WORDS_ENOUGH = 0.6


def is_relevant(
    query: str, passages: Sequence[Passage], weights: Sequence[float]
) -> bool:
    """Tell whether a passage is near in meaning, or less near and has the query's rare words."""
    del query
    return any(
        passage.score >= NEAR_ENOUGH
        or (passage.score >= NEAR_WITH_WORDS and weight >= WORDS_ENOUGH)
        for passage, weight in zip(passages, weights, strict=True)
    )
