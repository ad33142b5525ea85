"""Each middleware before and after a model."""

from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.messages.tool import tool_call_chunk
from typing_extensions import override

from app.backend.core.errors import AppError
from app.backend.core.run_events import Level, MiddlewareActed, RetryScheduled
from app.backend.middleware.errors import InputRefused, OutputRefused
from app.backend.models.request import is_unpaid
from app.backend.providers.errors import ModelBusy, ModelRefused
from tests.fakes.memory import FakeMemory
from tests.unit.middleware.asking import Asker, Model, make

BUSY = ModelBusy("Busy.", pause=0)
CARD = "4111 1111 1111 1111"
KEY = "sk-abcdefghijklmnopqrst"


def _call(args: str, name: str | None = "look") -> AIMessageChunk:
    called = tool_call_chunk(name=name, args=args, id="1" if name else None, index=0)
    return AIMessageChunk(content="", tool_call_chunks=[called])


def _with_usage(text: str) -> AIMessageChunk:
    usage: Any = {"input_tokens": 12, "output_tokens": 3, "total_tokens": 15}
    return AIMessageChunk(content=text, usage_metadata=usage)


async def test_logging_says_who_asks_and_what_it_took() -> None:
    asker = Asker(make("logging"))

    await asker.ask(Model("Yes", _with_usage(".")), "Is it?")

    before, after = asker.acted
    asks = "ann@example.org asks scripted/x: 1 messages, 6 characters."
    assert before == ("Logging", "before", asks)
    assert after[:2] == ("Logging", "after")
    assert after[2].endswith("12 tokens in, 3 out.")


async def test_logging_says_that_there_was_no_answer() -> None:
    asker = Asker(make("logging"))

    with pytest.raises(ModelRefused):
        await asker.ask(Model(errors=[ModelRefused("No.")]), "Is it?")

    assert asker.acted[1][2].endswith("No.")


async def test_cache_answers_the_same_question_for_nothing() -> None:
    asker, model = Asker(make("cache")), Model("Yes", ".")

    first = await asker.chunks(model, "Is it?")
    again = await asker.chunks(model, "Is it?")

    assert len(model.asked) == 1
    assert "".join(chunk.text for chunk in again) == "Yes."
    assert [is_unpaid(chunk) for chunk in [*first, *again]] == [False, False, True]
    assert [words.split(",")[0] for _, _, words in asker.acted] == [
        "Kept the answer for 60 min.",
        "Answered from the cache",
    ]


async def test_cache_keeps_people_questions_and_tools_apart() -> None:
    memory, model = FakeMemory(), Model("Yes.")
    one, other = Asker(make("cache", memory)), Asker(make("cache", memory))
    tools = [{"type": "function", "function": {"name": "now"}}]

    await one.ask(model, "Is it?")
    await other.ask(model, "Is it?")
    await one.ask(model, "Was it?")
    await one.ask(model, "Is it?", "Is it?")
    await one.chunks(model, "Is it?", tools=tools)

    assert len(model.asked) == 5


async def test_cache_keeps_which_tools_were_called() -> None:
    asker, model = Asker(make("cache")), Model(_call('{"at": '), _call('"x"}', None))

    await asker.chunks(model, "Look.")
    (again,) = await asker.chunks(model, "Look.")

    assert [(one["name"], one["args"]) for one in again.tool_calls] == [
        ("look", {"at": "x"})
    ]


async def test_cache_is_off_when_tools_have_effects() -> None:
    asker, model = Asker(make("cache"), has_effects=True), Model("Yes.")

    await asker.ask(model, "Is it?")
    await asker.ask(model, "Is it?")

    assert len(model.asked) == 2


async def test_cache_keeps_nothing_that_was_cut_and_needs_no_redis() -> None:
    cut = AIMessageChunk(content="Y", response_metadata={"finish_reason": "length"})
    asker, model = Asker(make("cache")), Model(cut)
    away, other = Asker(make("cache", FakeMemory(is_away=True))), Model("Yes.")

    await asker.ask(model, "Is it?")
    await asker.ask(model, "Is it?")
    assert await away.ask(other, "Is it?") == "Yes."

    assert (len(model.asked), asker.acted, away.acted) == (2, [], [])


async def test_retry_asks_again_as_often_as_it_says() -> None:
    asker = Asker(make("retry", attempts=4, pause=0))
    model = Model("Yes.", errors=[BUSY, BUSY, BUSY])

    assert asker.chain.asks_again
    assert await asker.ask(model, "Is it?") == "Yes."
    assert [one.attempt for one in asker.told if isinstance(one, RetryScheduled)] == [
        2,
        3,
        4,
    ]


async def test_retry_counts_what_failed_attempts_took() -> None:
    usage: Any = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    told = AIMessageChunk(content="", usage_metadata=usage)

    class Failing(Model):
        @override
        async def __call__(self, request: Any) -> Any:
            self.asked.append(request)
            # As a summary that stands between the two does.
            yield told
            if len(self.asked) < 3:
                raise BUSY
            yield AIMessageChunk(content="Yes.")

    said = await Asker(make("retry", pause=0)).chunks(Failing(), "Is it?")

    counted = [one.usage_metadata for one in said if one.usage_metadata]
    assert [one["total_tokens"] for one in counted] == [7, 14, 21]


async def test_retry_gives_up_after_its_attempts() -> None:
    model = Model("Yes.", errors=[BUSY, BUSY, BUSY])

    with pytest.raises(ModelBusy):
        await Asker(make("retry", attempts=2, pause=0)).ask(model, "Is it?")

    assert len(model.asked) == 2


async def test_retry_asks_for_leave() -> None:
    async def never() -> bool:
        return False

    model = Model("Yes.", errors=[BUSY])
    with pytest.raises(ModelBusy):
        await Asker(make("retry", pause=0)).chunks(model, "Is it?", may_ask_again=never)

    assert len(model.asked) == 1


async def test_retry_repeats_no_answer_that_has_begun() -> None:
    class Breaking(Model):
        @override
        async def __call__(self, request: Any) -> Any:
            self.asked.append(request)
            yield AIMessageChunk(content="Y")
            raise BUSY

    model = Breaking()
    with pytest.raises(ModelBusy):
        await Asker(make("retry", pause=0)).ask(model, "Is it?")

    assert len(model.asked) == 1


@pytest.mark.parametrize(
    ("action", "sent"),
    [("redact", "Tell me [removed]."), ("warn", "Tell me Project X.")],
)
async def test_validation_looks_at_what_is_sent(action: str, sent: str) -> None:
    model = Model("No.")
    asker = Asker(make("validation", forbidden=["project x"], input_action=action))

    await asker.ask(model, "Tell me Project X.")

    assert model.texts == [sent]
    (event,) = asker.told
    assert isinstance(event, MiddlewareActed)
    assert (event.phase, event.level) == ("before", Level.WARNING)


async def test_validation_cleans_what_is_sent_from_outside() -> None:
    model = Model("No.")
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    result = ToolMessage(f"Fine{hidden}", tool_call_id="1")
    family = "\N{MAN}\u200d\N{WOMAN}"

    await Asker(make("validation")).ask(model, f"A\x07b {family}\n", result)

    assert model.texts == [f"Ab {family}\n", "Fine"]


async def test_validation_refuses_what_is_too_long() -> None:
    with pytest.raises(InputRefused, match="10 characters, and this model is sent 9"):
        await Asker(make("validation", characters_max=9)).ask(Model(), "x" * 10)


@pytest.mark.parametrize("size", [1, 3, 50])
async def test_validation_redacts_an_answer_however_it_is_cut(size: int) -> None:
    text = f"Pay with {CARD}, or write to me with {KEY}. " + "And so on. " * 30
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    asker = Asker(make("validation"))

    said = await asker.ask(Model(*parts), "How?")

    assert said == text.replace(CARD, "[removed]").replace(KEY, "[removed]")
    assert asker.acted[-1] == (
        "Validation",
        "after",
        "Took out of the answer: card (1), secret (1).",
    )


_LINES = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj"] * 20)
_PEM = f"-----BEGIN PRIVATE KEY-----\n{_LINES}\n-----END PRIVATE KEY-----"
_JWT = f"eyJhbGciOiJIUzI1NiJ9.{'eyJzdWIiOiIx' * 30}.{'c2ln' * 20}"


@pytest.mark.parametrize("secret", [_PEM, _JWT])
@pytest.mark.parametrize("size", [1, 50, 5000])
async def test_validation_redacts_secrets_that_are_longer_than_what_waits(
    secret: str, size: int
) -> None:
    text = f"It is {secret} and so on. {'And so on. ' * 30}"
    parts = [text[at : at + size] for at in range(0, len(text), size)]

    said = await Asker(make("validation")).ask(Model(*parts), "How?")

    assert said == text.replace(secret, "[removed]")


async def test_validation_redacts_a_key_that_has_no_end() -> None:
    said = await Asker(make("validation")).ask(Model("It is ", _PEM[:-30]), "How?")

    assert said == "It is [removed]"


async def test_validation_redacts_what_tools_are_called_with() -> None:
    asker = Asker(make("validation"))

    chunks = await asker.chunks(
        Model(_call('{"at": "4111 1111'), _call(' 1111 1111"}', None))
    )

    (call,) = [call for chunk in chunks for call in chunk.tool_calls]
    assert call["args"] == {"at": "[removed]"}


async def test_validation_blocks_an_answer_before_it_is_seen() -> None:
    asker = Asker(make("validation", output_action="block"))
    seen: list[str] = []

    with pytest.raises(OutputRefused):
        seen.append(
            await asker.ask(Model("Pay with ", CARD, " now. ", "x" * 200), "How?")
        )

    assert seen == []
    assert asker.acted == [("Validation", "after", "Blocked: the answer has card (1).")]


async def test_validation_that_warns_holds_nothing_back() -> None:
    asker = Asker(make("validation", output_action="warn"))
    chunks = await asker.chunks(Model("Pay with ", CARD), "How?")

    assert [chunk.text for chunk in chunks] == ["Pay with ", CARD]
    assert asker.acted[0][2] == "The answer has what looks sensitive: card (1)."


async def test_validation_leaves_other_numbers_alone() -> None:
    text = "Order 4111 1111 1111 1112 costs 1234567890123 yen."
    asker = Asker(make("validation"))

    assert await asker.ask(Model(text), "How?") == text


@pytest.mark.parametrize(
    ("key", "config"),
    [
        ("validation", {"forbidden": ["(unclosed"]}),
        ("validation", {"sensitive": ["shoes"]}),
        ("cache", {"seconds": 0}),
        ("retry", {"unknown": 1}),
    ],
)
def test_wrong_configuration_is_refused(key: str, config: dict[str, Any]) -> None:
    with pytest.raises(AppError) as refused:
        make(key, **config)

    assert list(getattr(refused.value, "details", {})) == [
        f"config.{next(iter(config))}"
    ]


async def test_questions_are_not_changed_in_place() -> None:
    # The run's log and what is asked next have the same messages.
    message = HumanMessage("A\x07b")

    await Asker(make("validation")).ask(Model("Yes."), message)

    assert message.content == "A\x07b"
