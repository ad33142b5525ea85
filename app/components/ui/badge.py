"""Small labels: a word with a tone, and the status words of runs."""

from typing import Any, Literal

import reflex as rx

Tone = Literal["neutral", "accent", "ok", "warn", "bad"]

_TONES: dict[Tone, str] = {
    "neutral": "bg-sunken text-muted",
    "accent": "bg-accent-soft text-accent",
    "ok": "bg-ok-soft text-ok",
    "warn": "bg-warn-soft text-warn",
    "bad": "bg-bad-soft text-bad",
}
_RUN_STATUS: dict[str, tuple[Tone, str, str]] = {
    "queued": ("neutral", "clock", "Queued"),
    "running": ("accent", "loader_circle", "Running"),
    "waiting": ("warn", "hand", "Needs you"),
    "waiting_for_run": ("neutral", "hourglass", "Waits for a run"),
    "completed": ("ok", "circle_check", "Completed"),
    "failed": ("bad", "circle_x", "Failed"),
    "stopped": ("neutral", "circle_stop", "Stopped"),
    "timed_out": ("bad", "octagon_minus", "Limit reached"),
    "out_of_time": ("bad", "timer_off", "Timed out"),
    "over_budget": ("bad", "wallet", "Over budget"),
}


def badge(
    text: Any,
    *,
    tone: Tone = "neutral",
    icon: str = "",
    is_spinning: bool = False,
    **props: Any,
) -> rx.Component:
    """Return a word on a tinted ground, with an icon before it."""
    extra = props.pop("class_name", "")
    spin = "animate-spin" if is_spinning else ""
    return rx.el.span(
        rx.icon(icon, size=12, aria_hidden="true", class_name=spin) if icon else None,
        text,
        class_name=f"inline-flex h-6 items-center gap-1 rounded-full px-2 text-xs font-medium whitespace-nowrap {_TONES[tone]} {extra}",
        **props,
    )


def run_status(status: rx.Var[str]) -> rx.Component:
    """Return the status of a run: colour, icon and word."""
    cases = [
        (word, badge(text, tone=tone, icon=icon, is_spinning=word == "running"))
        for word, (tone, icon, text) in _RUN_STATUS.items()
    ]
    return rx.fragment(rx.match(status, *cases, badge(status)))
