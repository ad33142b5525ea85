"""Providers and models: what there is, and how to get more."""

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.layout.allowed import allowed
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.models import strings as words
from app.components.models.middleware import middleware_dialogs
from app.components.models.model_form import model_form
from app.components.models.offers import offers
from app.components.models.on_disk import on_disk
from app.components.models.providers import builtin, connected, wanted
from app.components.models.wizard import wizard
from app.components.sharing.dialog import sharing_dialog
from app.components.ui.button import button
from app.components.ui.dialog import confirm
from app.components.ui.skeleton import skeleton_rows
from app.pages._page import page
from app.state.local_files import LocalFilesState
from app.state.middleware import MiddlewareState
from app.state.model_form import ModelFormState
from app.state.model_list import ModelListState
from app.state.model_offers import ModelOffersState
from app.state.provider_wizard import ProviderWizardState
from app.state.sharing import SharingState


@page(
    routes.MODELS,
    words.TITLE,
    permission=Permission.VIEW_PROVIDER,
    on_load=[ModelListState.load, LocalFilesState.load],
    on_leave=[
        ModelListState.leave,
        MiddlewareState.leave,
        ModelFormState.leave,
        ModelOffersState.leave,
        ProviderWizardState.leave,
        SharingState.close,
        LocalFilesState.close,
    ],
)
def models() -> rx.Component:
    return shell(
        page_head(
            words.TITLE,
            description=words.ABOUT,
            actions=rx.fragment(
                allowed(
                    Permission.ADD_RUN,
                    button(
                        words.PLAYGROUND, icon="flask_conical", href=routes.PLAYGROUND
                    ),
                ),
                allowed(
                    Permission.ADD_PROVIDER,
                    button(
                        words.CONNECT,
                        icon="plus",
                        variant="primary",
                        on_click=ProviderWizardState.open,
                        custom_attrs={"data-key": "n"},
                    ),
                ),
            ),
        ),
        rx.cond(
            ModelListState.is_loading,
            skeleton_rows(3, "h-24"),
            _content(),
        ),
        wizard(),
        offers(),
        model_form(),
        middleware_dialogs(),
        sharing_dialog(),
        confirm(
            ModelListState.question[0],
            ModelListState.question[1],
            verb=ModelListState.question[2],
            is_open=ModelListState.asked != "",
            on_confirm=ModelListState.confirm,
            on_close=ModelListState.close,
        ),
        here=routes.MODELS,
    )


def _content() -> rx.Component:
    return rx.el.div(
        rx.el.p(
            words.DEFAULT_NOW,
            rx.el.code(ModelListState.default_model, class_name="font-mono text-ink"),
            ".",
            class_name="text-sm text-muted",
        ),
        wanted(),
        connected(),
        on_disk(),
        builtin(),
        class_name="flex flex-col gap-8",
    )
