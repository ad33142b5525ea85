"""The playground: one question, several models."""

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.models import playground_strings as words
from app.components.models.playground import answers, question
from app.components.ui.button import button
from app.components.ui.skeleton import skeleton_rows
from app.pages._page import page
from app.state.playground import PlaygroundState


@page(
    routes.PLAYGROUND,
    words.TITLE,
    permission=Permission.ADD_RUN,
    on_load=[PlaygroundState.load],
    on_leave=[PlaygroundState.leave],
)
def playground() -> rx.Component:
    return shell(
        page_head(
            words.TITLE,
            description=words.ABOUT,
            actions=button(words.MODELS, icon="sparkles", href=routes.MODELS),
        ),
        rx.cond(
            PlaygroundState.models.length() > 0,
            rx.el.div(question(), answers(), class_name="flex flex-col gap-6"),
            skeleton_rows(3, "h-24"),
        ),
        here=routes.MODELS,
        width="wide",
    )
