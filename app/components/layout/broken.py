"""What stands in the place of a page that broke in the browser, instead of an empty window."""

from typing import Any

import reflex as rx
from reflex.state import FrontendEventExceptionState
from reflex_base.vars.object import ObjectVar
from reflex_components_core.base.error_boundary import ErrorBoundary

from app import routes
from app.components.layout import strings
from app.components.ui.button import button
from app.components.ui.card import card
from app.state.page_error import PageErrorState

# Both who draws the id and who reports it ask the error for it; whoever comes first makes it.
_ID = "({error}.errorId ??= crypto.randomUUID().slice(-12))"


_Thrown = ObjectVar[dict[str, str]]


def _reported(
    error: _Thrown, info: _Thrown
) -> tuple[rx.Var[str], rx.Var[str], rx.Var[str]]:
    text = (
        error.name.to(str) + ": " + error.message.to(str) + "\n" + error.stack.to(str)
    )
    error_id = rx.Var(_ID.format(error=error._js_expr)).to(str)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return text, info.componentStack.to(str), error_id


class _Boundary(ErrorBoundary):
    on_error: rx.EventHandler[_reported]


def boundary() -> rx.Component:
    """Return what catches errors of drawing, and reports them."""
    handlers: list[Any] = [
        PageErrorState.report,
        # Reflex reloads the page once for errors that a reload heals.
        FrontendEventExceptionState.handle_frontend_exception,
    ]
    return _Boundary.create(fallback_render=rx.Var.create(_broken()), on_error=handlers)


def _broken() -> rx.Component:
    error_id = rx.Var(_ID.format(error="event_args.error")).to(str)
    # No switch between light and dark, which asks what may be broken too.
    return rx.el.main(
        rx.el.title(f"{strings.BROKEN} · {strings.PRODUCT}"),
        card(
            rx.el.div(
                rx.el.h1(strings.BROKEN, class_name="text-xl font-semibold"),
                rx.el.p(strings.BROKEN_TEXT, class_name="mt-2 text-muted"),
                rx.el.p(
                    strings.ERROR_ID,
                    rx.el.code(error_id, class_name="select-all font-mono"),
                    class_name="mt-4 text-sm text-muted",
                ),
                rx.el.div(
                    button(strings.RELOAD, href="", reloads=True, variant="primary"),
                    button(strings.GO_HOME, href=routes.DASHBOARD, reloads=True),
                    class_name="mt-6 flex flex-wrap gap-2.5",
                ),
                role="alert",
            ),
            class_name="w-full max-w-sm p-6",
        ),
        class_name="flex min-h-dvh items-center justify-center bg-canvas px-4 py-10 text-ink",
    )
