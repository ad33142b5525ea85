"""What a page shows this once: the state of its tab is kept in Redis, where nobody is to read that."""

import json
from typing import Any, ClassVar

import reflex as rx
from typing_extensions import override

from app.backend.core.errors import AppError
from app.state import edge

_PURPOSE = "shown once"
_SEALED = "sealed"


class ShownOnceMixin(rx.State, mixin=True):
    """Encrypts the fields named in `shown_once` where the state is stored; the browser gets them as they are."""

    shown_once: ClassVar[tuple[str, ...]] = ()

    @override
    def __getstate__(self) -> dict[str, Any]:
        fields = dict(super().__getstate__())
        shown = {name: fields.pop(name) for name in self.shown_once}
        if any(shown.values()):
            keyring = edge.services().keyring
            fields[_SEALED] = keyring.encrypt(_PURPOSE, json.dumps(shown))
        return fields

    @override
    def __setstate__(self, state: dict[str, Any]) -> None:
        sealed = state.pop(_SEALED, None)
        super().__setstate__({**state, **(_opened(sealed) if sealed else {})})


def _opened(sealed: str) -> dict[str, Any]:
    try:
        return json.loads(edge.services().keyring.decrypt(_PURPOSE, sealed))
    except AppError:  # lint-skip: edge-catch
        # The installation has another key now: nothing is shown any more.
        return {}
