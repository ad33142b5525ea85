"""What a waiting run asks, the evidence, and the form of the answer."""

from typing import Any

import reflex as rx

from app.components.run import strings as words
from app.components.ui.button import button
from app.components.ui.form import area_field, field_error
from app.components.widgets.clock import time_ago
from app.state.run_feed import RunFeedState
from app.state.run_question import RunQuestionState
from app.state.session import SessionState

# Words are asked for where the answer that is ticked takes some, or where there is nothing to tick.
_WITH_WORDS = "group-has-[[data-words]:checked]/question:block group-has-[[data-alone]]/question:block"


def question_card() -> rx.Component:
    """Return the question of the run in the store, with its answers."""
    question: Any = RunFeedState.run.question
    return rx.el.form(
        rx.el.div(
            rx.icon(
                "hand",
                size=16,
                aria_hidden="true",
                class_name="mt-0.5 shrink-0 text-warn",
            ),
            rx.el.h3(
                question.text,
                class_name="min-w-0 font-medium break-words whitespace-pre-wrap",
            ),
            class_name="flex items-start gap-2.5",
        ),
        rx.cond(question.evidence.length() > 0, _evidence(question)),
        _hidden("run_id", RunFeedState.current_run_id),
        _hidden("question_id", question.id),
        rx.cond(
            question.choices.length() > 0,
            _choices(question),
            rx.el.span(hidden=True, custom_attrs={"data-alone": "1"}),
        ),
        rx.el.div(
            area_field(
                "text",
                rx.cond(
                    question.text_label != "", question.text_label, words.OWN_WORDS
                ),
                error=RunQuestionState.errors["text"],
                rows="2",
            ),
            class_name=f"hidden {_WITH_WORDS}",
        ),
        rx.el.div(
            rx.el.p(words.WAITS, class_name="min-w-0 flex-1 text-xs text-muted"),
            button(words.SEND_ANSWER, type="submit", variant="primary"),
            class_name="flex items-center gap-3",
        ),
        on_submit=RunQuestionState.answer,
        key=question.id,
        aria_label=words.NEEDS_YOU,
        class_name="group/question flex flex-col gap-3 rounded-lg border border-warn bg-warn-soft/40 p-3.5 text-sm",
        no_validate=True,
    )


def _choices(question: Any) -> rx.Component:
    return rx.el.fieldset(
        rx.el.legend(words.YOUR_ANSWER, class_name="sr-only"),
        rx.el.div(
            rx.foreach(
                question.choices,
                lambda choice: rx.cond(
                    choice.takes_text,
                    _choice(choice.value, choice.label, {"data-words": "1"}),
                    _choice(choice.value, choice.label, {}),
                ),
            ),
            rx.cond(
                question.allows_text,
                _choice("", words.SOMETHING_ELSE, {"data-words": "1"}),
            ),
            class_name="flex flex-col gap-2",
        ),
        field_error("choice", RunQuestionState.errors["choice"]),
        class_name="min-w-0",
    )


def _choice(value: Any, label: Any, marks: dict[str, str]) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="radio",
            name="choice",
            value=value,
            class_name="mt-0.5 size-4 shrink-0 accent-accent",
            custom_attrs=marks,
        ),
        rx.el.span(label, class_name="min-w-0 break-words"),
        class_name="flex min-h-9 cursor-pointer items-start gap-2.5 rounded-lg border border-line-strong bg-surface px-3 py-2 "
        "transition-colors duration-100 hover:bg-sunken has-checked:border-accent has-checked:bg-accent-soft",
    )


def _evidence(question: Any) -> rx.Component:
    return rx.el.dl(
        rx.foreach(question.evidence, lambda fact: _fact(fact.name, fact.value)),
        rx.cond(
            question.begun_at != "",
            _fact(
                words.CALLED, time_ago(at=question.begun_at, mode=SessionState.times)
            ),
        ),
        class_name="grid gap-x-4 gap-y-1 rounded-lg bg-surface px-3 py-2 text-xs sm:grid-cols-[auto_minmax(0,1fr)]",
    )


def _fact(name: Any, value: Any) -> rx.Component:
    return rx.fragment(
        rx.el.dt(name, class_name="text-muted"),
        rx.el.dd(value, class_name="min-w-0 font-mono break-words"),
    )


def _hidden(name: str, value: Any) -> rx.Component:
    return rx.el.input(type="hidden", name=name, value=value, read_only=True)
