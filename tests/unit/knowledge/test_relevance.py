import pytest

from app.backend.knowledge.relevance import is_relevant


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([], False),
        ([(0.6, 0.0)], True),
        ([(0.2, 0.9)], True),
        ([(0.3, 0.2)], False),
        ([(0.1, 0.1), (0.55, 0.2)], True),
    ],
)
def test_is_relevant_weighs_meaning_and_words(
    evidence: list[tuple[float, float]], expected: bool
) -> None:
    assert is_relevant(evidence) is expected
