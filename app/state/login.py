"""What the login and first-run pages know: their address, and what went wrong with the last try."""

import reflex as rx

from app.state import edge


class LoginState(rx.State):
    """Filled from the address: the forms are posted to the API, which redirects back here when it refuses."""

    error: rx.Field[str] = rx.field("")
    email: rx.Field[str] = rx.field("")
    then: rx.Field[str] = rx.field("")
    token: rx.Field[str] = rx.field("")

    @rx.event
    @edge.public
    async def load(self) -> None:
        """Forget what this tab showed to whoever was signed in, and read the address."""
        (await self.get_state(rx.State)).reset()
        query = self.router.url.query_parameters
        self.error = query.get("error", "")
        self.email = query.get("email", "")
        self.token = query.get("token", "")
        self.then = query.get("next", "")
