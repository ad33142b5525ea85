"""Grey shapes of what is being loaded."""

import reflex as rx


def skeleton(class_name: str) -> rx.Component:
    """Return one shape."""
    return rx.el.div(class_name=f"skeleton rounded-md {class_name}", aria_hidden="true")


def skeleton_rows(count: int = 4, row: str = "h-14") -> rx.Component:
    """Return the shape of a list."""
    return rx.el.div(
        *[skeleton(f"{row} rounded-xl") for _ in range(count)],
        rx.el.span("Loading", class_name="sr-only"),
        class_name="flex flex-col gap-2",
        role="status",
    )
