"""What every form's store shares: messages next to their fields, and focus on the first bad one."""

from typing import Any

import reflex as rx


def filled_in(form: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a form that were on the page: of those that were not, the browser sends nothing as their value."""
    return {name: value for name, value in form.items() if value is not None}


class FormMixin(rx.State, mixin=True):
    """Field errors of one form; inputs carry their field's name as their id."""

    errors: rx.Field[dict[str, str]] = rx.field(default_factory=dict)

    def _show_errors(self, details: dict[str, list[str]]) -> Any:
        self.errors = {field: " ".join(texts) for field, texts in details.items()}
        first = next(iter(details))
        # Reflex finds only those by their id that it knew when it built the page, and not those drawn from a schema.
        return None if "." in first else rx.set_focus(first)

    def _clear_errors(self) -> None:
        self.errors = {}
