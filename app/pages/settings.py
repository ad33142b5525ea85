"""The user's own settings."""

import reflex as rx

from app import routes
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.second_factor import strings as factor_words
from app.components.second_factor.panel import panel
from app.components.settings import strings as words
from app.components.settings.access import logins
from app.components.settings.account import appearance, password, profile
from app.components.settings.keys import api_keys, key_dialogs
from app.components.settings.limits import limits
from app.components.settings.linked import linked_logins
from app.components.settings.secrets import secret_deletion, secrets
from app.components.ui.button import button
from app.components.ui.card import card, section
from app.pages._page import page
from app.state.api_keys import ApiKeysState
from app.state.limits import LimitsState
from app.state.linked_logins import LinkedLoginsState
from app.state.second_factor import SecondFactorState
from app.state.secrets import SecretsState
from app.state.settings import SettingsState


@page(
    routes.SETTINGS,
    words.TITLE,
    on_load=[
        SettingsState.load,
        ApiKeysState.load,
        SecretsState.load,
        SecondFactorState.load,
        LinkedLoginsState.load,
        LimitsState.load,
    ],
    on_leave=[
        SettingsState.leave,
        ApiKeysState.leave,
        SecretsState.leave,
        SecondFactorState.leave,
    ],
)
def settings() -> rx.Component:
    return shell(
        page_head(
            words.TITLE,
            description=words.ABOUT,
            actions=rx.el.div(
                button(words.TO_MODELS, icon="sparkles", href=routes.MODELS),
                button(words.TO_USAGE, icon="coins", href=routes.USAGE),
                class_name="flex gap-2 md:hidden",
            ),
        ),
        rx.el.div(
            profile(),
            appearance(),
            api_keys(),
            rx.cond(SecretsState.may_store, secrets()),
            password(),
            section(factor_words.TITLE, card(panel()), description=factor_words.ABOUT),
            linked_logins(),
            logins(),
            limits(),
            class_name="flex flex-col gap-8",
        ),
        key_dialogs(),
        secret_deletion(),
        here=routes.SETTINGS,
        width="narrow",
    )
