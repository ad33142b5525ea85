"""Bounds what the log keeps of the prompts that models are sent."""

from app.backend.core.run_events import MessageStarted, PromptMessage

TEXT_MAX = 16_000
CALL_MAX = 64_000


def shorten(event: MessageStarted) -> MessageStarted:
    """Return an event whose prompt has at most CALL_MAX characters: its newest messages, without the middle of long ones.

    It is for events without secrets: half of one would not look like one.
    """
    if event.call is None:
        return event
    kept: list[PromptMessage] = []
    room = CALL_MAX
    for message in reversed(event.call.messages):
        short = message.model_copy(update={"text": _without_middle(message.text)})
        room -= len(short.text)
        if room < 0:
            break
        kept.insert(0, short)
    call = event.call.model_copy(update={"messages": kept})
    return event.model_copy(update={"call": call})


def _without_middle(text: str) -> str:
    if len(text) <= TEXT_MAX:
        return text
    half = TEXT_MAX // 2
    gone = f"\n[{len(text) - 2 * half:,} characters are left out here]\n"
    return f"{text[:half]}{gone}{text[-half:]}"
