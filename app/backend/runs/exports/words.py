"""How an event reads as a line of text: the words of the log on a page, `event_log_text.js`."""

import json
from collections.abc import Callable
from typing import Any

from app.backend.usage.words import money

Payload = dict[str, Any]
_BRIEF = 120


def describe(kind: str, payload: Payload) -> tuple[str, str]:
    """Return the tag and the words of an event."""
    words = _WORDS.get(kind)
    return words(payload) if words else ("STEP", f"{kind} {_brief(payload)}")


def bracketed(tag: str) -> str:
    """Return a tag as it stands in a line: the ends of a run are words, all else is in brackets."""
    return f"[{tag}]" if tag.isupper() else tag


def _brief(value: Any) -> str:
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"{value[:_BRIEF]}…" if len(value) > _BRIEF else value


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(milliseconds: float) -> str:
    """Return how long something took."""
    if milliseconds < 1000:
        return f"{int(milliseconds + 0.5)} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    seconds = int(milliseconds // 1000)
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60:02}s"
    return f"{seconds // 3600}h {seconds // 60 % 60:02}m"


def _retrieved(p: Payload) -> tuple[str, str]:
    passages = p["passages"]
    if not passages:
        return "STEP", f"Found no passage for “{_brief(p['query'])}”"
    names = ", ".join(dict.fromkeys(one["document_name"] for one in passages))
    best = max(one["score"] for one in passages)
    found = _count(len(passages), "passage")
    return "STEP", f"Found {found} in {_brief(names)}, best score {best:.2f}"


def _used(p: Payload) -> tuple[str, str]:
    seconds = (p["milliseconds"] - p["first_token_milliseconds"]) / 1000
    has_speed = p["tokens_out"] > 1 and seconds > 0
    parts = [
        f"{p['model']}: {_count(p['tokens_in'], 'token')} in, {p['tokens_out']:,} out",
        f"{(p['tokens_out'] - 1) / seconds:.1f} tokens/s" if has_speed else "",
        f"first token after {duration(p['first_token_milliseconds'])}"
        if p["tokens_out"]
        else "",
        "estimated" if p.get("is_estimated") else "",
        money(p["cost_micros"]) if p.get("cost_micros") is not None else "",
        f"{p['tokens_in'] * 100 // p['window']} % of the window"
        if p.get("window")
        else "",
        p["outcome"] if p.get("outcome", "completed") != "completed" else "",
    ]
    return "STEP", ", ".join(part for part in parts if part)


def _position(p: Payload) -> tuple[str, str]:
    if p["position"]:
        return (
            "PROGRESS",
            f"queued: {p['position']} before this run at {p['part']}",
        )
    return "PROGRESS", f"queued: next at {p['part']}"


def _stopped(p: Payload) -> tuple[str, str]:
    if not p.get("text"):
        return "Stopped", "before the first word"
    size = _count(len(p["text"]), "character")
    return "Stopped", f"after {size} of answer, which are kept"


def _returned(p: Payload) -> tuple[str, str]:
    how = "failed" if p.get("is_error") else "returned"
    return "STEP", f"{p['name']} {how} {_brief(p['result'])}"


def _again(p: Payload) -> tuple[str, str]:
    which = f"{p['attempt']} of {p['attempts_max']}"
    return "PROGRESS", f"Tried again ({which}): {p['reason']}"


def _retry(p: Payload) -> tuple[str, str]:
    which = f"attempt {p['attempt']}/{p['attempts_max']}"
    pause = duration(p["seconds"] * 1000)
    return "STEP", f"{p['what']}: {which} in {pause}: {p['reason']}"


def _child_completed(p: Payload) -> tuple[str, str]:
    tokens = _count(p["tokens_in"] + p["tokens_out"], "token")
    how = f"{p['status'].replace('_', ' ')} after {duration(p['milliseconds'])}"
    return "STEP", f"run of {p['agent_name']} {how}, {tokens}"


def _resumed(p: Payload) -> tuple[str, str]:
    label = p.get("label")
    return "PROGRESS", f"answered: {_brief(label)}" if label else "answered"


_WORDS: dict[str, Callable[[Payload], tuple[str, str]]] = {
    "run_queued": lambda _: ("PROGRESS", "queued: waiting for a worker"),
    "queue_position": _position,
    "run_started": lambda p: (
        "Started",
        f"{p['agent_name']} with {p['model'] or 'no model'}",
    ),
    "attempt_started": _again,
    "stage_changed": lambda p: ("PROGRESS", f"{p['stage']}: {p['message']}"),
    "middleware_acted": lambda p: (
        "STEP",
        f"{p['name']}, {p.get('phase', 'before')} the model: {p['message']} ({p['milliseconds']:.1f} ms)",
    ),
    "step": lambda p: ("STEP", p["content"]),
    "message_started": lambda _: ("MESSAGE", ""),
    "message_delta": lambda p: ("MESSAGE", p["text"]),
    "message_completed": lambda p: ("MESSAGE", p["text"]),
    "reasoning_delta": lambda p: ("REASONING", p["text"]),
    "tool_called": lambda p: ("STEP", f"{p['name']} {_brief(p['args'])}"),
    "tool_returned": _returned,
    "retrieved": _retrieved,
    "log": lambda p: ("STEP", p["message"]),
    "retry_scheduled": _retry,
    "fallback_asked": lambda p: (
        "STEP",
        f"{p['model']} is asked in the place of {p['instead_of']}: {p['reason']}",
    ),
    "usage_recorded": _used,
    "budget_noticed": lambda p: ("STEP", p["message"]),
    "run_waiting": lambda p: ("PROGRESS", f"waiting: {p['question']}"),
    "run_resumed": _resumed,
    "child_started": lambda p: (
        "STEP",
        f"asks {p['agent_name']}: {_brief(p['question'])}",
    ),
    "child_completed": _child_completed,
    "run_completed": lambda p: ("Completed", (p.get("output") or {}).get("answer", "")),
    "run_failed": lambda p: ("Error", p["error"]),
    "run_stopped": _stopped,
    "run_timed_out": lambda p: ("Error", p["reason"]),
}
