"""A field of a form that is drawn from a JSON schema."""

from typing import Any

import reflex as rx

from app.components.ui.form import area_field, check_field, select_field, text_field


def setting_field(item: Any, error: Any) -> rx.Component:
    """Return the control that a field's kind asks for."""
    shared: dict[str, Any] = {
        "hint": item.hint,
        "error": error,
        "default_value": item.value,
    }
    written = {**shared, "placeholder": item.placeholder}
    area = area_field(item.field, item.label, rows="3", **written)
    options = rx.foreach(
        item.options, lambda one: rx.el.option(one, value=one, key=one)
    )
    number: dict[str, Any] = {"type": "number", "step": "any", **written}
    return rx.fragment(
        rx.match(
            item.kind,
            ("number", text_field(item.field, item.label, **number)),
            ("json", area),
            ("lines", area),
            ("area", area),
            ("choice", select_field(item.field, item.label, options, **shared)),
            (
                "switch",
                check_field(
                    item.field,
                    item.label,
                    hint=item.hint,
                    default_checked=item.is_on,
                ),
            ),
            text_field(item.field, item.label, auto_complete="off", **written),
        ),
        key=item.field,
    )
