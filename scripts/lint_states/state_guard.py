"""Every event says who may send it: `@requires(Permission.X)` or `@public`, right below `@rx.event`.

Conditions in a page hide, they do not protect: the event arrives from any browser that speaks the protocol.
"""

from collections.abc import Iterator

from scripts.lint_states.source import Finding, Source, decorator_names, methods

CODE = "state-guard"
GUARDS = {"requires", "public"}


def check(source: Source) -> Iterator[Finding]:
    """Yield events without a guard below them."""
    for state in source.states:
        for method in methods(state):
            names = [name.rsplit(".", 1)[-1] for name in decorator_names(method)]
            if "event" not in names:
                continue
            below = names[names.index("event") + 1 :]
            if not below or below[0] not in GUARDS:
                message = f"{state.name}.{method.name} needs @requires(...) or @public below @rx.event."
                yield source.find(method, CODE, message)
