"""What a provider offers, to be added with a click."""

from typing import Any

import reflex as rx

from app.components.models import strings as words
from app.components.ui.badge import badge
from app.components.ui.button import button
from app.components.ui.dialog import dialog, dialog_actions
from app.components.ui.form import search_field, text_field
from app.components.ui.progress import progress
from app.components.ui.skeleton import skeleton_rows
from app.state.model_offers import SHOWN_MAX, ModelOffersState


def offers() -> rx.Component:
    """Return the dialog with the models that a provider offers."""
    state = ModelOffersState
    return dialog(
        words.OFFERS + state.provider_name,
        rx.cond(
            state.is_loading,
            rx.el.div(
                rx.el.p(words.LOADING, class_name="mb-2 text-sm text-muted"),
                skeleton_rows(3, "h-12"),
            ),
            _content(),
        ),
        dialog_actions(button(words.DONE, variant="primary", on_click=state.close)),
        is_open=state.provider_id != "",
        on_close=state.close,
        width="40rem",
    )


def _content() -> rx.Component:
    state = ModelOffersState
    return rx.el.div(
        rx.cond(
            state.problem != "",
            rx.el.p(
                state.problem,
                role="alert",
                class_name="rounded-lg bg-warn-soft px-3 py-2 text-sm text-warn",
            ),
        ),
        search_field(words.SEARCH, on_change=state.search.debounce(200)),
        rx.cond(
            state.rows.length() > 0,
            rx.el.ul(
                rx.foreach(state.rows, _offer),
                class_name="max-h-80 divide-y divide-line overflow-y-auto rounded-lg border border-line",
                tab_index=0,
                aria_label=words.OFFERS + state.provider_name,
            ),
            rx.el.p(words.NO_OFFERS, class_name="text-sm text-muted"),
        ),
        rx.cond(
            state.total > SHOWN_MAX,
            rx.el.p(words.MORE, class_name="text-xs text-muted"),
        ),
        rx.cond(state.can_pull, _pull()),
        rx.el.form(
            rx.el.div(
                text_field(
                    "model_name",
                    words.BY_NAME,
                    hint=words.BY_NAME_HINT,
                    error=state.errors["model_name"],
                    auto_complete="off",
                ),
                class_name="min-w-0 flex-1",
            ),
            button(words.ADD, type="submit", class_name="sm:mt-[1.625rem]"),
            on_submit=state.add_named,
            reset_on_submit=True,
            no_validate=True,
            class_name="flex flex-col gap-3 sm:flex-row sm:items-start",
        ),
        class_name="flex flex-col gap-4",
    )


def _pull() -> rx.Component:
    state = ModelOffersState
    return rx.el.form(
        rx.el.div(
            text_field(
                "pulled",
                words.PULL,
                hint=words.PULL_HINT,
                error=state.errors["pulled"],
                auto_complete="off",
            ),
            rx.cond(
                state.pulled != "",
                rx.el.div(progress(state.pulled, state.percent), class_name="mt-2"),
            ),
            class_name="min-w-0 flex-1",
        ),
        button(words.FETCH, type="submit", class_name="sm:mt-[1.625rem]"),
        on_submit=state.pull,
        no_validate=True,
        class_name="flex flex-col gap-3 sm:flex-row sm:items-start",
    )


def _offer(offer: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(offer.name, class_name="break-words text-sm font-medium"),
            rx.el.p(
                offer.facts,
                rx.cond((offer.facts != "") & (offer.prices != ""), rx.fragment(" · ")),
                offer.prices,
                class_name="text-xs text-muted",
            ),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(
            offer.is_added,
            badge(words.ADDED, tone="ok", icon="check"),
            button(
                words.ADD,
                size="sm",
                on_click=ModelOffersState.add(offer.name),
                aria_label=f"{words.ADD} {offer.name}",
            ),
        ),
        key=offer.name,
        class_name="flex items-center gap-3 px-3 py-2",
    )
