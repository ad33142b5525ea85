"""The wizard that connects a provider: a type, its form, and the test with a tick for each stage."""

from typing import Any

import reflex as rx

from app.components.models import strings as words
from app.components.models.setting_field import setting_field
from app.components.ui.button import button
from app.components.ui.dialog import dialog, dialog_actions
from app.components.ui.form import (
    check_field,
    form_error,
    text_field,
)
from app.components.widgets.page import in_sight
from app.state.provider_wizard import FORM, TEST, TYPES, ProviderWizardState
from app.state.session import SessionState

_ICONS = (
    "sparkles",
    "route",
    "cloud",
    "smile",
    "hard_drive",
    "cpu",
    "monitor",
    "server",
    "plug",
    "code",
    "clapperboard",
    "feather",
    "gem",
    "wind",
)
_LOOKS = {
    "ok": ("circle_check", "text-ok"),
    "limited": ("triangle_alert", "text-warn"),
    "skipped": ("circle_minus", "text-faint"),
    "failed": ("circle_x", "text-bad"),
    "running": ("loader_circle", "text-accent animate-spin"),
}


def type_icon(icon: Any, *, size: int = 18) -> rx.Component:
    """Return the icon of a type of provider."""
    cases = [(name, rx.icon(name, size=size, aria_hidden="true")) for name in _ICONS]
    return rx.fragment(
        rx.match(icon, *cases, rx.icon("cloud", size=size, aria_hidden="true"))
    )


def wizard() -> rx.Component:
    """Return the dialogs of the wizard, of which one is open at most."""
    state = ProviderWizardState
    return rx.fragment(
        dialog(
            words.CHOOSE,
            rx.el.p(words.CHOOSE_TEXT, class_name="text-sm text-muted"),
            rx.el.ul(
                rx.foreach(state.tiles, _tile),
                class_name="grid gap-2 sm:grid-cols-2",
            ),
            rx.el.p(words.LOCAL_ANSWER, class_name="text-sm text-muted"),
            dialog_actions(button(words.USE_LOCAL, on_click=state.close)),
            is_open=state.step == TYPES,
            on_close=state.close,
            width="44rem",
        ),
        dialog(
            rx.cond(state.editing_id != "", state.name, state.chosen.label),
            rx.cond(state.step == FORM, _form()),
            is_open=state.step == FORM,
            on_close=state.close,
            width="34rem",
        ),
        dialog(
            state.name,
            stages(),
            dialog_actions(button(words.CLOSE, on_click=state.close)),
            is_open=state.step == TEST,
            on_close=state.close,
            width="34rem",
        ),
    )


def stages() -> rx.Component:
    """Return the stages of the test, as they end."""
    return rx.el.ol(
        rx.foreach(ProviderWizardState.stages, _stage),
        aria_label=words.STAGES,
        aria_live="polite",
        class_name="flex flex-col gap-2 rounded-lg bg-sunken p-3 text-sm empty:hidden",
    )


def _tile(tile: Any) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.span(type_icon(tile.icon), class_name="mt-0.5 text-accent"),
            rx.el.span(
                rx.el.span(tile.label, class_name="block text-sm font-medium"),
                rx.el.span(tile.about, class_name="block text-xs text-muted"),
                class_name="min-w-0",
            ),
            type="button",
            on_click=ProviderWizardState.choose(tile.key),
            class_name="flex h-full w-full gap-3 rounded-lg border border-line-strong p-3 text-start transition-colors duration-100 hover:border-accent hover:bg-accent-soft",
        ),
        key=tile.key,
    )


def _form() -> rx.Component:
    state = ProviderWizardState
    return rx.el.form(
        rx.cond(state.editing_id == "", _about()),
        form_error(state.errors["form"]),
        rx.cond(
            state.found_at != "",
            rx.el.p(
                rx.icon("circle_check", size=16, aria_hidden="true"),
                words.FOUND_AT,
                state.found_at,
                role="status",
                class_name="flex items-center gap-2 text-sm text-ok",
            ),
        ),
        rx.cond(state.editing_id == "", _name()),
        rx.foreach(
            state.fields, lambda item: setting_field(item, state.errors[item.field])
        ),
        rx.cond(state.chosen.key_need != "none", _key()),
        _more(),
        rx.cond(state.stages.length() > 0, in_sight(stages())),
        dialog_actions(
            button(words.CANCEL, on_click=state.close),
            button(
                rx.cond(
                    state.is_testing,
                    words.TESTING,
                    rx.cond(state.editing_id == "", words.SAVE, words.SAVE_AGAIN),
                ),
                type="submit",
                variant="primary",
                disabled=state.is_testing,
            ),
        ),
        on_submit=state.submit,
        key=state.form_key.to(str),
        no_validate=True,
        class_name="flex flex-col gap-4",
    )


def _about() -> rx.Component:
    chosen = ProviderWizardState.chosen
    return rx.el.div(
        rx.el.p(chosen.about, class_name="text-sm text-muted"),
        rx.cond(
            chosen.missing_package != "",
            rx.el.p(
                rx.icon("triangle_alert", size=16, aria_hidden="true"),
                rx.el.span(words.MISSING, chosen.missing_package, words.MISSING_REMEDY),
                class_name="mt-2 flex gap-2 rounded-lg bg-warn-soft px-3 py-2 text-sm text-warn",
            ),
        ),
    )


def _name() -> rx.Component:
    state = ProviderWizardState
    return text_field(
        "name",
        words.NAME,
        hint=words.NAME_HINT,
        error=state.errors["name"],
        default_value=state.name,
        auto_complete="off",
    )


def _key() -> rx.Component:
    state = ProviderWizardState
    return text_field(
        "api_key",
        words.KEY,
        hint=rx.cond(state.has_key, words.KEY_KEPT, state.chosen.key_hint),
        error=state.errors["api_key"],
        type="password",
        auto_complete="new-password",
    )


def _more() -> rx.Component:
    state = ProviderWizardState
    return rx.el.details(
        rx.el.summary(words.ADVANCED, class_name="cursor-pointer text-sm text-muted"),
        rx.el.div(
            text_field(
                "label",
                words.LABEL,
                error=state.errors["label"],
                default_value=state.label,
                max_length=100,
                auto_complete="off",
            ),
            rx.cond(
                state.chosen.key_need != "none",
                text_field(
                    "secret_ref",
                    words.SECRET,
                    hint=words.SECRET_HINT,
                    error=state.errors["secret"],
                    auto_complete="off",
                ),
            ),
            rx.cond(
                SessionState.is_admin,
                check_field(
                    "is_shared",
                    words.SHARE,
                    hint=words.SHARE_HINT,
                    default_checked=state.is_shared,
                ),
            ),
            check_field("skip_test", words.SKIP),
            class_name="mt-3 flex flex-col gap-4",
        ),
    )


def _stage(stage: Any) -> rx.Component:
    looks = [
        (
            status,
            rx.icon(
                icon, size=16, aria_hidden="true", class_name=f"mt-0.5 shrink-0 {look}"
            ),
        )
        for status, (icon, look) in _LOOKS.items()
    ]
    return rx.el.li(
        rx.match(
            stage.status,
            *looks,
            rx.icon(
                "circle",
                size=16,
                aria_hidden="true",
                class_name="mt-0.5 shrink-0 text-faint",
            ),
        ),
        rx.el.span(
            rx.el.span(stage.title, class_name="font-medium"),
            rx.el.span(
                stage.detail, class_name="block break-words text-muted empty:hidden"
            ),
            class_name="min-w-0",
        ),
        key=stage.stage,
        custom_attrs={"data-status": stage.status},
        class_name="flex gap-2",
    )
