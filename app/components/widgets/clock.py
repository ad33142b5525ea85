"""Moments and durations that tick in the browser, and the pulse by which a visible page asks for news."""

import reflex as rx

_LIBRARY = rx.asset("clock.jsx", shared=True).importable_path


class TimeAgo(rx.Component):
    """A moment, `relative`, `absolute` or `utc`."""

    library = _LIBRARY
    tag = "TimeAgo"

    at: rx.Var[str]
    mode: rx.Var[str]


class Elapsed(rx.Component):
    """A duration; it grows while there is no end."""

    library = _LIBRARY
    tag = "Elapsed"

    start: rx.Var[str]
    end: rx.Var[str]


class Pulse(rx.Component):
    """Fires every `seconds` while the page is visible; zero stops it."""

    library = _LIBRARY
    tag = "Pulse"

    seconds: rx.Var[float]
    on_pulse: rx.EventHandler[rx.event.no_args_event_spec]


time_ago = TimeAgo.create
elapsed = Elapsed.create
pulse = Pulse.create
