"""The question of the playground, and the answers side by side."""

from typing import Any

import reflex as rx

from app.components.models import playground_strings as words
from app.components.ui.badge import badge
from app.components.ui.button import button
from app.components.ui.card import SURFACE
from app.components.ui.form import area_field, form_error, select_field, text_field
from app.state.asking import ASKED, FAILED, STOPPED
from app.state.playground import MODEL_FIELDS, PlaygroundState

_errors = PlaygroundState.errors


def question() -> rx.Component:
    """Return the form."""
    return rx.el.form(
        form_error(_errors["form"]),
        area_field("prompt", words.PROMPT, error=_errors["prompt"], rows="3"),
        area_field(
            "instructions",
            words.INSTRUCTIONS,
            hint=words.INSTRUCTIONS_HINT,
            error=_errors["instructions"],
            rows="2",
        ),
        rx.el.div(
            *[_model(place) for place in range(len(MODEL_FIELDS))],
            class_name="grid gap-4 sm:grid-cols-2 xl:grid-cols-4",
        ),
        rx.el.div(
            text_field(
                "temperature",
                words.TEMPERATURE,
                error=_errors["temperature"],
                default_value="0",
                input_mode="decimal",
            ),
            text_field(
                "max_tokens",
                words.MAX_TOKENS,
                hint=words.MAX_TOKENS_HINT,
                error=_errors["max_tokens"],
                default_value="400",
                input_mode="numeric",
            ),
            class_name="grid gap-4 grid-cols-2 xl:grid-cols-4",
        ),
        rx.el.div(
            rx.cond(
                PlaygroundState.is_asking,
                button(
                    words.STOP_ALL, icon="square", on_click=PlaygroundState.stop_all
                ),
            ),
            button(words.ASK, type="submit", variant="primary", icon="send"),
            class_name="flex justify-end gap-2",
        ),
        on_submit=PlaygroundState.submit,
        no_validate=True,
        class_name=f"{SURFACE} flex flex-col gap-4 p-4 sm:p-5",
    )


def answers() -> rx.Component:
    """Return the answers, side by side where there is room."""
    return rx.cond(
        PlaygroundState.answers.length() > 0,
        rx.el.section(
            rx.el.h2(words.ANSWERS, class_name="sr-only"),
            rx.el.div(
                rx.foreach(PlaygroundState.answers, _answer),
                class_name="grid gap-4 md:grid-cols-2 2xl:grid-cols-4",
            ),
        ),
    )


def _model(place: int) -> rx.Component:
    is_first = place == 0
    return select_field(
        MODEL_FIELDS[place],
        words.MODEL_LABELS[place],
        rx.fragment(
            None if is_first else rx.el.option(words.NO_MODEL, value=""),
            rx.foreach(
                PlaygroundState.models,
                lambda model: rx.el.option(
                    model.label, value=model.name, key=model.name
                ),
            ),
        ),
        error=_errors[MODEL_FIELDS[place]],
        default_value=PlaygroundState.default_model if is_first else "",
    )


def _answer(answer: Any) -> rx.Component:
    is_asked = answer.status == ASKED
    return rx.el.article(
        rx.el.header(
            rx.el.h3(
                answer.model, class_name="min-w-0 flex-1 font-semibold break-words"
            ),
            rx.cond(
                is_asked,
                badge(
                    words.WRITES, tone="accent", icon="loader_circle", is_spinning=True
                ),
            ),
            rx.cond(
                answer.status == STOPPED,
                badge(words.STOPPED, tone="warn", icon="square"),
            ),
            rx.cond(
                answer.status == FAILED,
                badge(words.FAILED, tone="bad", icon="circle_alert"),
            ),
            class_name="flex items-start gap-2",
        ),
        rx.cond(
            answer.problem != "",
            rx.el.p(
                answer.problem,
                role="alert",
                class_name="rounded-lg bg-bad-soft px-3 py-2 text-sm text-bad break-words",
            ),
        ),
        rx.el.div(
            rx.cond(
                answer.text != "",
                answer.text,
                rx.el.span(
                    rx.cond(
                        is_asked,
                        words.WAITING,
                        rx.cond(answer.problem == "", words.EMPTY, ""),
                    ),
                    class_name="text-muted",
                ),
            ),
            aria_live="polite",
            aria_busy=rx.cond(is_asked, "true", "false"),
            class_name="min-h-16 flex-1 text-sm leading-6 whitespace-pre-wrap break-words",
        ),
        rx.cond(answer.tokens != "", _figures(answer)),
        rx.el.footer(
            rx.cond(
                is_asked,
                button(
                    words.STOP,
                    icon="square",
                    size="sm",
                    on_click=PlaygroundState.stop(answer.place),
                ),
                button(
                    words.SAVE,
                    icon="bot",
                    size="sm",
                    on_click=PlaygroundState.save(answer.place),
                ),
            ),
            class_name="flex justify-end",
        ),
        key=answer.place.to(str),
        aria_label=answer.model,
        class_name=f"{SURFACE} flex min-w-0 flex-col gap-3 p-4",
    )


def _figures(answer: Any) -> rx.Component:
    return rx.el.dl(
        _figure(words.FIRST, answer.first_token),
        _figure(words.SPEED, answer.speed),
        _figure(words.TOKENS, answer.tokens),
        _figure(words.COST, answer.cost),
        class_name="grid grid-cols-2 gap-x-4 gap-y-2 border-t border-line pt-3 text-sm",
    )


def _figure(name: str, value: Any) -> rx.Component:
    return rx.cond(
        value != "",
        rx.el.div(
            rx.el.dt(name, class_name="text-xs text-muted"),
            rx.el.dd(value, class_name="tabular-nums"),
        ),
    )
