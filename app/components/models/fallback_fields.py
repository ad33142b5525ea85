"""The models that are asked in turn when another one does not answer."""

from typing import Any

import reflex as rx

from app.components.ui.form import field_error, select_field
from app.state.model_choices import FALLBACK_FIELDS

TITLE = "When it does not answer"
ABOUT = "These models are asked in turn when a service is away or busy. The log of the run says so."
NONE = "No other model"
LABELS = ("Ask", "Then", "Then")


def fallback_fields(
    chosen: Any, models: Any, *, error: Any, about: str = ABOUT
) -> rx.Component:
    """Return the choice of fallbacks; `chosen` has as many names as there are fields."""
    return rx.el.fieldset(
        rx.el.legend(TITLE, class_name="text-sm font-medium"),
        rx.el.p(about, class_name="mb-2 text-xs text-muted"),
        rx.el.div(
            *[
                select_field(
                    name,
                    label,
                    rx.fragment(
                        rx.el.option(NONE, value=""),
                        rx.foreach(
                            models,
                            lambda model: rx.el.option(
                                model.label,
                                value=model.name,
                                disabled=~model.is_available,
                                key=model.name,
                            ),
                        ),
                    ),
                    default_value=chosen[place],
                )
                for place, (name, label) in enumerate(
                    zip(FALLBACK_FIELDS, LABELS, strict=True)
                )
            ],
            class_name="grid grid-cols-[repeat(auto-fit,minmax(min(11rem,100%),1fr))] gap-4",
        ),
        field_error("fallbacks", error),
        class_name="min-w-0",
    )
