"""The least number of tokens is never above the true one, so that a fitting prompt is never refused."""

import pytest

from app.backend.providers.adapters.ollama_chat import NativeOllama, count_tokens_least
from app.backend.providers.errors import ContextOverflow


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("", 0),
        ("one two", 2),
        ("a == b", 3),
        ("x    y\n\n\nz", 3),
        ("don't!", 1),
        ("日本語", 1),
    ],
)
def test_count_tokens_least_counts_words(text: str, least: int) -> None:
    assert count_tokens_least(text) == least


async def test_prompt_that_cannot_fit_is_refused_before_it_is_sent() -> None:
    model = NativeOllama(model="m", base_url="http://127.0.0.1:1", num_ctx=512)

    with pytest.raises(ContextOverflow, match="512 tokens"):
        await model.ainvoke("word " * 600)
