"""The edge between a page's events and the services: who asks, in which transaction, and what they see on failure."""

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar, cast
from uuid import UUID

import reflex as rx
import structlog
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app import routes
from app.backend.bootstrap import Services
from app.backend.core import acting, caller, clock, correlation, ids, masking
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.errors import (
    AppError,
    Forbidden,
    Invalid,
    NotFound,
    TooMany,
    Unauthorized,
)
from app.backend.identity import cookies, credentials, refusals
from app.backend.identity.errors import SecondFactorDemanded
from app.backend.identity.request_limits import Window
from app.state import notices
from app.state.forms import FormMixin

logger = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
Handler = Callable[P, R]

_SENTENCES = {
    "string_too_short": "Write at least {min_length} characters.",
    "string_too_long": "Write at most {max_length} characters.",
    "too_short": "Write at least {min_length} characters.",
    "too_long": "At most {max_length} are possible.",
    "greater_than_equal": "The least is {ge}.",
    "less_than_equal": "The most is {le}.",
    "int_parsing": "Write a whole number.",
    "int_from_float": "Write a whole number.",
    "float_parsing": "Write a number, such as 0.5.",
}
_installed: list[Services] = []
# Who an event's guard has found, and when: what the event does at once needs no second look at the rows.
_found: ContextVar[tuple[float, Actor] | None] = ContextVar("_found", default=None)
_FOUND_SECONDS = 1.0
# Where a guarded handler says whom it lets in: the name of a permission, or one of these.
ACCESS = "access"
ANYBODY, SIGNED_IN = "anybody", "signed in"
# Whether the event is one of those that set up a second factor, which the installation may ask for first.
_sets_up: ContextVar[bool] = ContextVar("_sets_up", default=False)


def install(parts: Services) -> None:
    """Give the stores the parts of this process; the web process does so when it starts."""
    _installed[:] = [parts]


def services() -> Services:
    """Return the parts of this process."""
    return _installed[0]


async def find_actor(state: rx.State) -> Actor | None:
    """Return who is signed in on the tab of `state`, as the rows say it now."""
    parts = services()
    header = cookies.open_header(state.router.headers.cookie, parts.keyring)
    presented = await credentials.find_by_cookies(parts, header)
    return presented.actor if presented else None


@asynccontextmanager
async def work(state: rx.State) -> AsyncGenerator[tuple[Session, Actor], None]:
    """Open a transaction on behalf of the signed-in user; it commits at the end.

    Raises:
        TooManyRequests: they have done as much in the last minute as their tier allows.
    """
    actor = _just_found() or await require_actor(state)
    await services().request_limits.count(actor, Window.PAGES)
    with acting.as_user(actor.user_id, is_reading=actor.is_reading):
        async with services().db.transaction() as session:
            yield session, actor


@asynccontextmanager
async def read(state: rx.State) -> AsyncGenerator[tuple[Session, Actor], None]:
    """Open a read-only transaction on behalf of the signed-in user."""
    actor = _just_found() or await require_actor(state)
    with acting.as_user(actor.user_id, is_reading=actor.is_reading):
        async with services().db.read() as session:
            yield session, actor


def parse_id(value: str, resource: str) -> UUID:
    """Return an id that came from the browser; what is no id belongs to nobody.

    Raises:
        NotFound: `value` is not an id.
    """
    try:
        return UUID(value)
    except ValueError:
        raise NotFound(resource, value) from None


def id_in_path(state: rx.State, resource: str) -> UUID:
    """Return the id in the address, which is the second part of every path that has one."""
    parts = state.router.url.path.strip("/").split("/")
    return parse_id(parts[1] if len(parts) > 1 else "", resource)


def query_value(state: rx.State, name: str) -> str:
    """Return a value of the address's query, or nothing."""
    return state.router.url.query_parameters.get(name, "")


def requires(
    permission: Permission | None = None, *, sets_up: bool = False
) -> Callable[[Handler[P, R]], Handler[P, R]]:
    """Let only signed-in users with `permission` call the handler; failures become notices.

    With `sets_up` those may too who have to set up a second factor first.
    """

    async def check(state: rx.State) -> None:
        _sets_up.set(sets_up)
        actor = await require_actor(state)
        if permission is not None and not actor.may(permission):
            message = "Your role does not allow this. Ask an administrator."
            raise Forbidden(message)
        _found.set((clock.monotonic(), actor))
        acting.begin(acting.Acting(actor.user_id, is_reading=actor.is_reading))

    return functools.partial(
        _guard, check=check, access=permission.value if permission else SIGNED_IN
    )


def public(handler: Handler[P, R]) -> Handler[P, R]:
    """Let anybody call the handler; failures become notices."""

    async def check(_: rx.State) -> None:
        return None

    return _guard(handler, check=check, access=ANYBODY)


def report(exception: Exception) -> rx.event.EventSpec:
    """Log an unexpected failure under an id, and show that id instead of its text."""
    error_id = str(ids.new_id())[-12:]
    logger.error("handler_failed", error_id=error_id, exc_info=exception)
    text = "Something went wrong on our side. Try again; if it stays, tell your administrator the error id."
    return notices.failed(text, error_id=error_id)


def invalid_of(error: ValidationError) -> Invalid:
    """Return what a form's wrong fields mean, in sentences."""
    return Invalid(_details(error))


async def require_actor(state: rx.State) -> Actor:
    """Return who is signed in.

    Raises:
        Unauthorized: nobody is.
        SecondFactorDemanded: they have to set one up before this.
    """
    actor = await find_actor(state)
    if actor is None:
        raise Unauthorized
    if actor.must_add_factor and not _sets_up.get():
        raise SecondFactorDemanded
    return actor


def _begin(state: rx.State) -> None:
    """Forget who was there before, and give this event an id of its own: its socket carries many."""
    _found.set(None)
    _sets_up.set(False)
    caller.begin(state.router.session.client_ip)
    correlation.begin(ids.new_id())


def _just_found() -> Actor | None:
    found = _found.get()
    if found is None or clock.monotonic() - found[0] > _FOUND_SECONDS:
        return None
    return found[1]


def _guard(
    handler: Handler[P, R], *, check: Callable[[rx.State], Awaitable[None]], access: str
) -> Handler[P, R]:
    if inspect.isasyncgenfunction(handler):

        @functools.wraps(handler)
        async def steps(
            self: rx.State, *args: Any, **kwargs: Any
        ) -> AsyncGenerator[Any, None]:
            with acting.as_nobody():
                _begin(self)
                try:
                    await check(self)
                    async for answer in handler(self, *args, **kwargs):  # pyright: ignore[reportCallIssue]
                        yield answer
                except (AppError, ValidationError) as error:
                    yield await _answer(self, error, handler.__qualname__)

        vars(steps)[ACCESS] = access
        return cast("Handler[P, R]", steps)
    if not inspect.iscoroutinefunction(handler):
        message = f"{handler.__qualname__} must be async."
        raise TypeError(message)

    @functools.wraps(handler)
    async def whole(self: rx.State, *args: Any, **kwargs: Any) -> Any:
        with acting.as_nobody():
            _begin(self)
            try:
                await check(self)
                return await handler(self, *args, **kwargs)  # pyright: ignore[reportCallIssue]
            except (AppError, ValidationError) as error:
                return await _answer(self, error, handler.__qualname__)

    vars(whole)[ACCESS] = access
    return cast("Handler[P, R]", whole)


async def _answer(
    state: rx.State, error: AppError | ValidationError, event: str
) -> Any:
    if isinstance(error, ValidationError):
        error = invalid_of(error)
    if isinstance(error, SecondFactorDemanded):
        return rx.redirect(routes.SECOND_FACTOR)
    if isinstance(error, Forbidden) and (actor := await find_actor(state)):
        await refusals.note_access(services().db, actor, what=event)
    if isinstance(error, Unauthorized):
        return rx.redirect(routes.login_path(_address(state)))
    if isinstance(error, Invalid) and isinstance(state, FormMixin):
        # An event in the background writes only while it holds the tab; for others this does nothing.
        async with state:
            return state._show_errors(error.details)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    # What a service said may repeat the key that it was sent.
    text = masking.known().mask(error.message)
    if isinstance(error, TooMany) and error.passes:
        return notices.failed(f"{text} Try again in {_duration(error.retry_after)}.")
    return notices.failed(text)


def _duration(seconds: int) -> str:
    count, noun = (
        (seconds, "second") if seconds < 120 else (-(-seconds // 60), "minute")
    )
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _address(state: rx.State) -> str:
    """Return where the tab is, with its query and the place in the page, for coming back."""
    url = state.router.url
    return str(url).removeprefix(url.origin)


def _details(error: ValidationError) -> dict[str, list[str]]:
    details: dict[str, list[str]] = {}
    for item in error.errors(include_url=False):
        field = str(item["loc"][0]) if item["loc"] else "form"
        details.setdefault(field, []).append(_sentence(item))
    return details


def _sentence(item: ErrorDetails) -> str:
    if item["type"] == "string_too_short" and not str(item["input"]).strip():
        return "Fill this in."
    words = _SENTENCES.get(item["type"])
    if words is not None:
        return words.format(**item.get("ctx", {}))
    return f"{item['msg'].removeprefix('Value error, ').rstrip('.')}."
