"""The second factor, as its owner sets it up and turns it off."""

from typing import Any

import reflex as rx

from app.components.second_factor import strings as words
from app.components.ui.button import button
from app.components.ui.dialog import dialog_actions
from app.components.ui.form import CONTROL, text_field
from app.components.widgets.clock import time_ago
from app.state.second_factor import SecondFactorState
from app.state.session import SessionState

# Joined in the browser: what a state computes is stored with it.
_LINES = SecondFactorState.codes.join("\n")


def panel() -> rx.Component:
    """Return one step after the other: how it is, the password, the app, the recovery codes."""
    return rx.cond(
        SecondFactorState.codes.length() > 0,
        _codes(),
        rx.cond(
            SecondFactorState.qr != "",
            _app(),
            rx.match(
                SecondFactorState.asked,
                ("begin", _proof(words.SET_UP, SecondFactorState.begin)),
                ("make_codes", _proof(words.NEW_CODES, SecondFactorState.make_codes)),
                ("turn_off", _proof(words.TURN_OFF, SecondFactorState.turn_off)),
                rx.cond(SecondFactorState.is_on, _on(), _off()),
            ),
        ),
    )


def _off() -> rx.Component:
    return rx.el.div(
        rx.el.p(words.OFF, class_name="min-w-0 flex-1 text-sm"),
        button(
            words.SET_UP,
            icon="shield_check",
            on_click=SecondFactorState.ask("begin"),
        ),
        class_name="flex flex-wrap items-center gap-3",
    )


def _on() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.p(
                words.ON,
                time_ago(at=SecondFactorState.since, mode=SessionState.times),
                class_name="text-sm font-medium",
            ),
            rx.el.p(
                words.LEFT,
                SecondFactorState.codes_left,
                class_name="text-xs text-muted",
            ),
            class_name="min-w-48 flex-1",
        ),
        button(words.NEW_CODES, on_click=SecondFactorState.ask("make_codes")),
        button(
            words.TURN_OFF,
            variant="danger",
            on_click=SecondFactorState.ask("turn_off"),
        ),
        class_name="flex flex-wrap items-center gap-2",
    )


def _proof(verb: str, on_submit: Any) -> rx.Component:
    return rx.el.form(
        text_field(
            "password",
            words.PASSWORD,
            type="password",
            auto_complete="current-password",
            error=SecondFactorState.errors["password"],
        ),
        dialog_actions(
            button(words.CANCEL, on_click=SecondFactorState.close),
            button(verb, type="submit", variant="primary"),
        ),
        on_submit=on_submit,
        no_validate=True,
        class_name="flex flex-col gap-4",
    )


def _app() -> rx.Component:
    return rx.el.form(
        rx.el.p(words.SCAN, class_name="text-sm"),
        rx.el.img(
            src=SecondFactorState.qr,
            alt=words.QR_LABEL,
            class_name="size-48 self-center rounded-lg bg-white",
        ),
        rx.el.p(
            words.KEY,
            ": ",
            rx.el.code(
                SecondFactorState.secret,
                class_name="font-mono text-xs break-all select-all",
            ),
            class_name="text-sm",
        ),
        text_field(
            "code",
            words.CODE,
            auto_complete="one-time-code",
            input_mode="numeric",
            max_length=40,
            error=SecondFactorState.errors["code"],
        ),
        dialog_actions(
            button(words.CANCEL, on_click=SecondFactorState.close),
            button(words.TURN_ON, type="submit", variant="primary"),
        ),
        on_submit=SecondFactorState.confirm,
        no_validate=True,
        class_name="flex flex-col gap-4",
    )


def _codes() -> rx.Component:
    return rx.el.div(
        rx.el.p(words.CODES_TEXT, class_name="text-sm"),
        rx.el.textarea(
            value=_LINES,
            read_only=True,
            rows="10",
            aria_label=words.CODES,
            class_name=f"{CONTROL} py-2 font-mono text-sm",
        ),
        dialog_actions(
            button(
                words.COPY,
                icon="copy",
                on_click=rx.set_clipboard(_LINES),
            ),
            button(words.KEPT, variant="primary", on_click=SecondFactorState.close),
        ),
        class_name="flex flex-col gap-4",
    )
