"""The dialog with the tier of one person and their own limits."""

import reflex as rx

from app.components.people import strings as words
from app.components.people.tiers import limit_fields
from app.components.ui.button import button
from app.components.ui.dialog import dialog, dialog_actions
from app.components.ui.form import select_field
from app.state.person_limits import PersonLimitsState


def person_limits() -> rx.Component:
    """Return the dialog; it is open while somebody's limits are shown."""
    state = PersonLimitsState
    as_tier = {name: words.AS_TIER_SAYS for name, _ in words.LIMIT_FIELDS}
    return dialog(
        words.LIMITS_OF + state.email,
        rx.el.form(
            select_field(
                "tier",
                words.TIER,
                rx.fragment(
                    rx.el.option(words.THE_DEFAULT_TIER, value=""),
                    rx.foreach(
                        state.choices,
                        lambda one: rx.el.option(one.label, value=one.value),
                    ),
                ),
                default_value=state.tier,
            ),
            rx.el.p(words.LIMITS_TEXT, class_name="text-sm text-muted"),
            limit_fields(state.values, state.errors, as_tier),
            dialog_actions(
                button(words.CANCEL, on_click=state.close),
                button(words.SAVE, type="submit", variant="primary"),
            ),
            on_submit=state.save,
            reset_on_submit=False,
            key=state.user_id,
            no_validate=True,
            class_name="flex flex-col gap-4",
        ),
        is_open=state.user_id != "",
        on_close=state.close,
        width="36rem",
    )
