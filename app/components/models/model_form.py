"""The form of what is known of one model."""

import reflex as rx

from app.components.models import strings as words
from app.components.models.fallback_fields import fallback_fields
from app.components.ui.button import button
from app.components.ui.dialog import dialog, dialog_actions
from app.components.ui.form import check_field, form_error, select_field, text_field
from app.state.model_form import ModelFormState

_values = ModelFormState.values


def model_form() -> rx.Component:
    """Return the dialog of a model."""
    return dialog(
        _values.full_name,
        rx.cond(_values.id != "", _form()),
        is_open=_values.id != "",
        on_close=ModelFormState.close,
        width="34rem",
    )


def _form() -> rx.Component:
    return rx.el.form(
        form_error(ModelFormState.errors["capabilities"]),
        rx.el.div(
            select_field("kind", words.KIND, words.KINDS, default_value=_values.kind),
            select_field(
                "environment",
                words.ENVIRONMENT,
                words.ENVIRONMENTS,
                hint=words.ENVIRONMENT_HINT,
                default_value=_values.environment,
            ),
            _number(
                "context_window",
                words.WINDOW,
                _values.context_window,
                words.WINDOW_HINT,
            ),
            _number("top_p", words.TOP_P, _values.top_p, words.TOP_P_HINT),
            _number("price_in", words.PRICE_IN, _values.price_in, words.PRICE_HINT),
            _number("price_out", words.PRICE_OUT, _values.price_out, words.PRICE_HINT),
            _number(
                "price_cached",
                words.PRICE_CACHED,
                _values.price_cached,
                words.PRICE_HINT,
            ),
            class_name="grid gap-4 sm:grid-cols-2",
        ),
        fallback_fields(
            _values.fallbacks,
            ModelFormState.others,
            error=ModelFormState.errors["fallbacks"],
        ),
        check_field("tools", words.TOOLS, default_checked=_values.tools),
        check_field("vision", words.VISION, default_checked=_values.vision),
        check_field(
            "json_schema", words.JSON_SCHEMA, default_checked=_values.json_schema
        ),
        check_field(
            "no_temperature",
            words.NO_TEMPERATURE,
            hint=words.NO_TEMPERATURE_HINT,
            default_checked=_values.no_temperature,
        ),
        dialog_actions(
            button(words.CANCEL, on_click=ModelFormState.close),
            button(words.SAVE_MODEL, type="submit", variant="primary"),
        ),
        on_submit=ModelFormState.save,
        key=_values.id,
        no_validate=True,
        class_name="flex flex-col gap-4",
    )


def _number(name: str, label: str, value: rx.Var[str], hint: str) -> rx.Component:
    return text_field(
        name,
        label,
        hint=hint,
        error=ModelFormState.errors[name],
        default_value=value,
        input_mode="decimal",
        auto_complete="off",
    )
