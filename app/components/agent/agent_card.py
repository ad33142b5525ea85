"""An agent on the dashboard, with questions that are one click away."""

from typing import Any

import reflex as rx

from app import routes
from app.components.ui.badge import run_status
from app.components.ui.card import SURFACE


def agent_card(agent: Any, *, on_ask: Any) -> rx.Component:
    """Return the card; `on_ask` takes the agent's id and the question."""
    return rx.el.li(
        rx.el.div(
            rx.el.a(
                rx.match(
                    agent.kind,
                    ("quotes", _mark("quote")),
                    rx.cond(
                        agent.collections > 0,
                        _mark("book_open"),
                        _mark("message_circle"),
                    ),
                ),
                rx.el.span(
                    agent.name,
                    class_name="min-w-0 truncate font-medium group-hover/link:text-accent",
                ),
                href=routes.agent_path(agent.id),
                class_name="group/link flex min-w-0 items-center gap-2.5 rounded-lg",
            ),
            rx.cond(agent.last_status != "", run_status(agent.last_status)),
            class_name="flex items-center justify-between gap-2",
        ),
        rx.el.p(
            agent.description,
            class_name="mt-2 line-clamp-2 min-h-10 text-sm text-muted",
        ),
        rx.el.div(
            rx.foreach(
                agent.prompts[:2],
                lambda prompt: rx.el.button(
                    rx.icon(
                        "corner_down_right",
                        size=13,
                        aria_hidden="true",
                        class_name="shrink-0 text-faint",
                    ),
                    rx.el.span(prompt, class_name="min-w-0 truncate"),
                    type="button",
                    title=prompt,
                    on_click=on_ask(agent.id, prompt),
                    class_name="flex h-8 w-full min-w-0 items-center gap-2 rounded-lg bg-sunken px-2.5 text-start text-sm "
                    "transition-colors duration-100 hover:bg-accent-soft hover:text-accent active:translate-y-px",
                ),
            ),
            class_name="mt-3 flex flex-col gap-1.5",
        ),
        key=agent.id,
        class_name=f"{SURFACE} flex min-w-0 flex-col p-4",
    )


def _mark(icon: str) -> rx.Component:
    return rx.el.span(
        rx.icon(icon, size=15, aria_hidden="true"),
        class_name="flex size-7 shrink-0 items-center justify-center rounded-lg bg-accent-soft text-accent",
    )
