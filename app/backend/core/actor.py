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
    VIEW_GROUP = "view_group"
    ADD_GROUP = "add_group"
    CHANGE_GROUP = "change_group"
    DELETE_GROUP = "delete_group"
    VIEW_PROVIDER = "view_provider"
    ADD_PROVIDER = "add_provider"
    CHANGE_PROVIDER = "change_provider"
    DELETE_PROVIDER = "delete_provider"
    VIEW_MODEL = "view_model"
    ADD_MODEL = "add_model"
    CHANGE_MODEL = "change_model"
    DELETE_MODEL = "delete_model"
    VIEW_BUDGET = "view_budget"
    CHANGE_BUDGET = "change_budget"
    VIEW_USER = "view_user"
    ADD_USER = "add_user"
    CHANGE_USER = "change_user"
    DELETE_USER = "delete_user"
    VIEW_TOOL = "view_tool"
    ADD_TOOL = "add_tool"
    CHANGE_TOOL = "change_tool"
    DELETE_TOOL = "delete_tool"
    VIEW_MCPSERVER = "view_mcpserver"
    ADD_MCPSERVER = "add_mcpserver"
    CHANGE_MCPSERVER = "change_mcpserver"
    DELETE_MCPSERVER = "delete_mcpserver"
    VIEW_CONNECTION = "view_connection"
    ADD_CONNECTION = "add_connection"
    CHANGE_CONNECTION = "change_connection"
    DELETE_CONNECTION = "delete_connection"
    VIEW_CHANNEL = "view_channel"
    ADD_CHANNEL = "add_channel"
    CHANGE_CHANNEL = "change_channel"
    DELETE_CHANNEL = "delete_channel"
    VIEW_INBOXITEM = "view_inboxitem"
    ADD_INBOXITEM = "add_inboxitem"
    CHANGE_INBOXITEM = "change_inboxitem"
    DELETE_INBOXITEM = "delete_inboxitem"
    VIEW_SYSTEM = "view_system"
    VIEW_INSTALLATION = "view_installation"
    CHANGE_SYSTEM = "change_system"


class Actor(BaseModel):
    """A user, and the permissions that this session, key or job gives them.

    With `must_add_factor` they may do nothing before they have set up a second factor. An API key may run `agent_ids`
    only, if any. With `reader_id` it is an administrator who reads what the user has, and changes nothing.
    """

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    email: str
    role: Role
    permissions: frozenset[Permission]
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    must_add_factor: bool = False
    agent_ids: frozenset[UUID] | None = None
    reader_id: UUID | None = None

    @property
    def is_reading(self) -> bool:
        """Whether an administrator only reads what the user has."""
        return self.reader_id is not None

    def may(self, permission: Permission) -> bool:
        """Tell whether the actor has `permission`."""
        return permission in self.permissions
