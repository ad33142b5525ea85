"""On whose behalf a piece of work is done, and what they may do."""

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Role(StrEnum):
    """Roles of a user."""

    ADMIN = "admin"
    USER = "user"
    VIEWER = "viewer"


class Permission(StrEnum):
    """Named permissions, the same for pages, event handlers, routes and API keys."""

    VIEW_AGENT = "view_agent"
    ADD_AGENT = "add_agent"
    CHANGE_AGENT = "change_agent"
    DELETE_AGENT = "delete_agent"
    VIEW_THREAD = "view_thread"
    ADD_THREAD = "add_thread"
    CHANGE_THREAD = "change_thread"
    DELETE_THREAD = "delete_thread"
    VIEW_RUN = "view_run"
    ADD_RUN = "add_run"
    CHANGE_RUN = "change_run"
    DELETE_RUN = "delete_run"
    VIEW_KNOWLEDGE = "view_knowledge"
    ADD_KNOWLEDGE = "add_knowledge"
    CHANGE_KNOWLEDGE = "change_knowledge"
    DELETE_KNOWLEDGE = "delete_knowledge"
    VIEW_FILE = "view_file"
    ADD_FILE = "add_file"
    CHANGE_FILE = "change_file"
    DELETE_FILE = "delete_file"
    VIEW_APIKEY = "view_apikey"
    ADD_APIKEY = "add_apikey"
    CHANGE_APIKEY = "change_apikey"
    DELETE_APIKEY = "delete_apikey"
    VIEW_SECRET = "view_secret"  # noqa: S105 - the name of a permission
    CHANGE_SECRET = "change_secret"  # noqa: S105
    DELETE_SECRET = "delete_secret"  # noqa: S105
    USE_INSTALLATION_SECRET = "use_installation_secret"  # noqa: S105
    VIEW_USER = "view_user"
    ADD_USER = "add_user"
    CHANGE_USER = "change_user"
    DELETE_USER = "delete_user"
    VIEW_SYSTEM = "view_system"
    VIEW_INSTALLATION = "view_installation"
    CHANGE_SYSTEM = "change_system"


class Actor(BaseModel):
    """A user, and the permissions that this session, key or job gives them.

    With `must_add_factor` they may do nothing before they have set up a second factor.
    """

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    email: str
    role: Role
    permissions: frozenset[Permission]
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    must_add_factor: bool = False

    def may(self, permission: Permission) -> bool:
        """Tell whether the actor has `permission`."""
        return permission in self.permissions
