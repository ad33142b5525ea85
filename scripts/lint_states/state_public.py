"""A public method of a state is an event, or a computed var.

Reflex lets any browser call every public method. What is not meant for it begins with `_`.
"""

from collections.abc import Iterator

from scripts.lint_states.source import Finding, Source, decorator_names, methods

CODE = "state-public"
DECORATORS = {"rx.event", "rx.var", "staticmethod", "classmethod", "override"}


def check(source: Source) -> Iterator[Finding]:
    """Yield public methods that are neither."""
    for state in source.states:
        for method in methods(state):
            if method.name.startswith("_") or DECORATORS & set(decorator_names(method)):
                continue
            message = f"Any browser can call {state.name}.{method.name}. Make it an @rx.event, or _private."
            yield source.find(method, CODE, message)
