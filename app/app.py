"""Composition root: the API, the pages, the sockets, and the parts they stand on."""

import functools
import importlib
import pkgutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import reflex as rx
from reflex.istate.manager.redis import StateManagerRedis
from reflex.utils import prerequisites
from reflex_base import constants

from app import pages
from app.backend import bootstrap
from app.backend.api.app import make_api
from app.backend.api.edge import with_headers
from app.backend.api.feed import FeedNamespace
from app.backend.core import logging
from app.backend.core import settings as settings_module
from app.backend.core.redis import outlast_restart
from app.backend.runs import upkeep
from app.components.layout.broken import boundary
from app.components.layout.overlay import overlay
from app.components.layout.shell import loading
from app.pages._page import PAGES
from app.state import edge, locks, tabs

settings = settings_module.load()
static_dir = (prerequisites.get_web_dir() / constants.Dirs.STATIC).resolve()
api = make_api(settings)
app = rx.App(
    html_lang="en",
    html_custom_attrs={"suppressHydrationWarning": "true"},
    stylesheets=["/theme.css"],
    head_components=[
        rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
        rx.el.link(
            rel="preload",
            href="/fonts/geist.woff2",
            custom_attrs={
                "as": "font",
                "type": "font/woff2",
                "crossOrigin": "anonymous",
            },
        ),
    ],
    backend_exception_handler=edge.report,
    toaster=None,
    hydrate_fallback=loading,
    api_transformer=[
        api,
        functools.partial(
            with_headers, static_dir=static_dir, is_secure=settings.is_secure
        ),
    ],
)
app.app_wraps[55, "ErrorBoundary"] = lambda is_stateful: (
    boundary() if is_stateful else None
)
app.app_wraps[5, "Overlay"] = lambda is_stateful: overlay() if is_stateful else None


if isinstance(app.state_manager, StateManagerRedis):
    outlast_restart(app.state_manager.redis)
    locks.give_back_when_cancelled(app.state_manager)


@asynccontextmanager
async def open_parts() -> AsyncGenerator[None, None]:
    """Hold the parts of the web process while it serves."""
    logging.configure(settings, "web")
    async with bootstrap.build(settings) as services:
        api.state.services = services
        edge.install(services)
        # The lifespan of a mounted app is not entered by itself.
        async with api.router.lifespan_context(api), upkeep.standing_in(services):
            yield


def is_tab_open(token: str) -> bool:
    """Tell whether the tab with this token is connected to this process."""
    events = app.event_namespace
    return events is not None and token in events.token_to_sid


app.register_lifespan_task(open_parts)
if app.sio is not None:
    app.sio.register_namespace(FeedNamespace(lambda: api.state.services))
tabs.install(is_tab_open)
for module in pkgutil.iter_modules(pages.__path__):
    importlib.import_module(f"app.pages.{module.name}")
for page in PAGES:
    app.add_page(
        page.render, route=page.route, title=page.title, on_load=list(page.on_load)
    )
