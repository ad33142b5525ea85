"""Whether a tab is still open, for events that go on in the background."""

from collections.abc import Callable

import reflex as rx

_probes: list[Callable[[str], bool]] = []


def install(probe: Callable[[str], bool]) -> None:
    """Give the stores the means to ask by a tab's token; the app does so when it is made."""
    _probes[:] = [probe]


def is_open(state: rx.State) -> bool:
    """Tell whether the tab of `state` is connected."""
    return _probes[0](state.router.session.client_token)
