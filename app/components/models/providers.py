"""Providers with their models, and those of the settings."""

from typing import Any

import reflex as rx

from app.backend.core.actor import Permission
from app.components.layout.allowed import allowed
from app.components.models import strings as words
from app.components.models.middleware_strings import OPEN as MIDDLEWARE
from app.components.models.wizard import type_icon
from app.components.sharing.strings import BY, SHARE
from app.components.ui.badge import badge
from app.components.ui.button import button
from app.components.ui.card import SURFACE, section
from app.components.ui.empty import empty
from app.components.ui.menu import menu, menu_item
from app.state.middleware import MiddlewareState
from app.state.model_form import ModelFormState
from app.state.model_list import ModelListState
from app.state.model_offers import ModelOffersState
from app.state.provider_wizard import ProviderWizardState
from app.state.session import SessionState
from app.state.sharing import SharingState


def connected() -> rx.Component:
    """Return the providers that people have connected."""
    return section(
        words.PROVIDERS,
        rx.cond(
            ModelListState.providers.length() > 0,
            rx.el.ul(
                rx.foreach(ModelListState.providers, _provider),
                class_name="flex flex-col gap-4",
            ),
            empty(
                "sparkles",
                words.NOTHING,
                words.NOTHING_TEXT,
                allowed(
                    Permission.ADD_PROVIDER,
                    button(
                        words.CONNECT, icon="plus", on_click=ProviderWizardState.open
                    ),
                ),
            ),
        ),
    )


def builtin() -> rx.Component:
    """Return the providers of the settings."""
    return section(
        words.BUILTIN,
        rx.el.ul(
            rx.foreach(ModelListState.builtin, _builtin),
            class_name=f"{SURFACE} divide-y divide-line",
        ),
        description=words.BUILTIN_ABOUT,
        actions=rx.cond(
            SessionState.is_admin,
            button(MIDDLEWARE, icon="layers", on_click=MiddlewareState.open("", "")),
        ),
    )


def wanted() -> rx.Component:
    """Return the models that agents name and that are not here."""
    return rx.cond(
        ModelListState.wanted.length() > 0,
        rx.el.section(
            rx.el.h2(words.WANTED, class_name="text-sm font-semibold"),
            rx.el.p(words.WANTED_TEXT, class_name="text-sm"),
            rx.el.ul(
                rx.foreach(
                    ModelListState.wanted,
                    lambda name: rx.el.li(name, key=name, class_name="font-mono"),
                ),
                class_name="mt-2 text-sm",
            ),
            class_name="rounded-xl bg-warn-soft px-4 py-3 text-warn",
        ),
    )


def _provider(provider: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.span(type_icon(provider.icon), class_name="text-accent"),
            rx.el.div(
                rx.el.h3(provider.label, class_name="break-words font-semibold"),
                rx.el.p(
                    provider.name,
                    " · ",
                    provider.type_label,
                    class_name="break-words text-xs text-muted",
                ),
                class_name="min-w-0 flex-1 basis-36",
            ),
            rx.cond(
                provider.is_shared, badge(words.EVERYBODY, icon="users", tone="accent")
            ),
            rx.cond(
                provider.owner_name != "",
                badge(BY + provider.owner_name, icon="user"),
            ),
            rx.cond(
                provider.is_behind,
                badge(
                    words.BEHIND, icon="eye_off", tone="warn", title=words.BEHIND_ABOUT
                ),
            ),
            rx.cond(
                provider.is_enabled,
                rx.cond(
                    provider.trouble != "",
                    badge(words.TROUBLE, tone="bad", icon="circle_alert"),
                ),
                badge(words.OFF, icon="power_off"),
            ),
            rx.cond(provider.may_change, _provider_menu(provider)),
            class_name="flex flex-wrap items-center gap-3 px-4 py-3",
        ),
        rx.cond(
            provider.trouble != "",
            rx.el.p(
                provider.trouble,
                class_name="mx-4 mb-3 rounded-lg bg-bad-soft px-3 py-2 text-sm text-bad",
            ),
        ),
        rx.cond(
            provider.models.to(list[Any]).length() > 0,
            rx.el.ul(
                rx.foreach(provider.models, _model),
                class_name="divide-y divide-line border-t border-line",
            ),
            rx.el.p(
                words.NO_MODELS,
                class_name="border-t border-line px-4 py-3 text-sm text-muted",
            ),
        ),
        key=provider.id,
        class_name=SURFACE,
    )


def _provider_menu(provider: Any) -> rx.Component:
    wizard = ProviderWizardState
    menu_id = f"provider-{provider.id}"
    switch = ModelListState.switch_provider
    return rx.fragment(
        button(
            words.ADD_MODELS,
            icon="plus",
            size="sm",
            on_click=ModelOffersState.open(provider.id),
        ),
        menu(
            menu_id,
            menu_item(
                menu_id, "plug_zap", words.TEST, on_click=wizard.test(provider.id)
            ),
            menu_item(menu_id, "pencil", words.EDIT, on_click=wizard.edit(provider.id)),
            rx.cond(
                provider.is_own,
                menu_item(
                    menu_id,
                    "share_2",
                    SHARE,
                    on_click=SharingState.open_provider(
                        provider.id, provider.name, provider.is_shared
                    ),
                ),
            ),
            rx.cond(
                provider.is_enabled,
                menu_item(
                    menu_id,
                    "power_off",
                    words.SWITCH_OFF,
                    on_click=switch(provider.id, False),
                ),
                menu_item(
                    menu_id,
                    "power",
                    words.SWITCH_ON,
                    on_click=switch(provider.id, True),
                ),
            ),
            menu_item(
                menu_id,
                "trash_2",
                words.DELETE,
                is_dangerous=True,
                on_click=ModelListState.ask("provider", provider.id, provider.name),
            ),
            label=words.ACTIONS + provider.name,
        ),
    )


def _model(model: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(
                model.name,
                rx.cond(
                    model.is_default,
                    badge(words.DEFAULT, tone="accent", icon="star", class_name="ms-2"),
                ),
                rx.cond(
                    model.is_cheap,
                    badge(
                        words.CHEAP,
                        icon="coins",
                        title=words.CHEAP_ABOUT,
                        class_name="ms-2",
                    ),
                ),
                rx.cond(
                    model.is_enabled,
                    None,
                    badge(words.OFF, icon="power_off", class_name="ms-2"),
                ),
                rx.cond(
                    model.environment != ModelListState.environment,
                    badge(
                        words.FOR + model.environment, tone="warn", class_name="ms-2"
                    ),
                ),
                class_name="break-words text-sm font-medium",
            ),
            rx.el.p(
                model.facts,
                rx.cond((model.facts != "") & (model.prices != ""), rx.fragment(" · ")),
                model.prices,
                class_name="text-xs text-muted",
            ),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(model.may_change, _model_menu(model)),
        key=model.id,
        class_name="flex items-center gap-3 px-4 py-2",
    )


def _model_menu(model: Any) -> rx.Component:
    menu_id = f"model-{model.id}"
    state = ModelListState
    return menu(
        menu_id,
        menu_item(
            menu_id,
            "star",
            words.MAKE_DEFAULT,
            on_click=state.make_default(model.id),
        ),
        rx.cond(model.can_answer, _cheap_item(menu_id, model)),
        menu_item(
            menu_id, "pencil", words.EDIT, on_click=ModelFormState.open(model.id)
        ),
        menu_item(
            menu_id,
            "layers",
            MIDDLEWARE,
            on_click=MiddlewareState.open(model.full_name, model.id),
        ),
        rx.cond(
            model.is_enabled,
            menu_item(
                menu_id,
                "power_off",
                words.SWITCH_OFF,
                on_click=state.switch_model(model.id, False),
            ),
            menu_item(
                menu_id,
                "power",
                words.SWITCH_ON,
                on_click=state.switch_model(model.id, True),
            ),
        ),
        menu_item(
            menu_id,
            "trash_2",
            words.DELETE,
            is_dangerous=True,
            on_click=state.ask("model", model.id, model.full_name),
        ),
        label=words.ACTIONS + model.name,
    )


def _cheap_item(menu_id: str, model: Any) -> rx.Component:
    make = ModelListState.make_cheap
    return rx.cond(
        model.is_cheap,
        menu_item(menu_id, "coins", words.NOT_CHEAP, on_click=make(model.id, False)),
        menu_item(menu_id, "coins", words.MAKE_CHEAP, on_click=make(model.id, True)),
    )


def _builtin(provider: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(provider.label, class_name="text-sm font-medium"),
            rx.el.p(
                rx.cond(provider.about != "", provider.about, f"{provider.name}/…"),
                class_name="break-words text-xs text-muted",
            ),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(
            provider.is_configured,
            badge(words.READY, tone="ok", icon="check"),
            badge(words.NOT_SET),
        ),
        key=provider.name,
        class_name="flex items-center gap-3 px-4 py-2.5",
    )
