"""What is shown to those alone who may use it."""

import reflex as rx

from app.backend.core.actor import Permission
from app.state.session import SessionState


def allowed(permission: Permission, *children: rx.Component) -> rx.Component:
    """Return `children` for those who have the permission; what they do is checked again."""
    return rx.cond(
        SessionState.lacks.contains(permission.value),
        rx.fragment(),
        rx.fragment(*children),
    )
