"""The part of the agent form that says how its runs behave: when it is busy, and how far one may go."""

import reflex as rx

from app.components.agent import strings as words
from app.components.agent.agent_fields import choice, group, text
from app.state.agent_editor import AgentEditorState


def conduct() -> rx.Component:
    """Return both groups."""
    values = AgentEditorState.values
    limits = (
        ("steps_max", words.STEPS_MAX, values.steps_max, words.STEPS_MAX_HINT),
        ("seconds_max", words.SECONDS_MAX, values.seconds_max, words.SECONDS_MAX_HINT),
        ("tokens_max", words.TOKENS_MAX, values.tokens_max, words.TOKENS_MAX_HINT),
    )
    return rx.fragment(
        group(
            words.BUSY,
            words.BUSY_ABOUT,
            choice(
                "concurrency",
                words.BUSY,
                values.concurrency,
                list(words.BUSY_CHOICES),
                is_label_hidden=True,
            ),
        ),
        group(
            words.LIMITS,
            words.LIMITS_ABOUT,
            rx.el.div(
                *[
                    text(name, label, value, hint=hint, type="number", min="1")
                    for name, label, value, hint in limits
                ],
                class_name="grid gap-4 sm:grid-cols-3",
            ),
        ),
    )
