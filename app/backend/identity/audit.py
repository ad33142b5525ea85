"""The audit: one row for each privileged action, in the transaction that does it."""

from enum import StrEnum
from uuid import UUID

from app.backend.core import caller, correlation
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.identity.tables import AuditRow

DONE = "done"
REFUSED = "refused"


class Action(StrEnum):
    """Privileged actions."""

    OWNER_CREATED = "owner_created"
    USER_CREATED = "user_created"
    USER_INVITED = "user_invited"
    USER_SIGNED_UP = "user_signed_up"
    USER_SUSPENDED = "user_suspended"
    USER_REACTIVATED = "user_reactivated"
    READING_BEGAN = "reading_began"
    READING_ENDED = "reading_ended"
    ROLE_CHANGED = "role_changed"
    PASSWORD_LINK_MADE = "password_link_made"  # noqa: S105
    PASSWORD_CHOSEN = "password_chosen"  # noqa: S105
    PASSWORD_SET = "password_set"  # noqa: S105 - the name of an action
    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105 - the name of an action
    LOGIN_LINKED = "login_linked"
    LOGIN_UNLINKED = "login_unlinked"
    SESSION_REVOKED = "session_revoked"
    OTHER_SESSIONS_REVOKED = "other_sessions_revoked"
    SECOND_FACTOR_SET_UP = "second_factor_set_up"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    SECRET_SET = "secret_set"  # noqa: S105 - the name of an action
    SECRET_DELETED = "secret_deleted"  # noqa: S105
    SECRET_USED = "secret_used"  # noqa: S105
    MASTER_KEY_ROTATED = "master_key_rotated"
    USER_KEY_ROTATED = "user_key_rotated"
    AUDIT_CUT = "audit_cut"
    ACCESS_REFUSED = "access_refused"
    LOGIN_PAUSED = "login_paused"
    KEY_ROTATED = "key_rotated"
    PERMISSIONS_CHANGED = "permissions_changed"
    TIER_CREATED = "tier_created"
    TIER_CHANGED = "tier_changed"
    TIER_DELETED = "tier_deleted"
    LIMITS_CHANGED = "limits_changed"
    GROUP_CREATED = "group_created"
    GROUP_RENAMED = "group_renamed"
    GROUP_DELETED = "group_deleted"
    MEMBER_ADDED = "member_added"
    MEMBER_REMOVED = "member_removed"
    SHARED = "shared"
    UNSHARED = "unshared"
    MADE_PUBLIC = "made_public"
    MADE_PRIVATE = "made_private"
    RUN_REQUEUED = "run_requeued"
    RUN_STOPPED = "run_stopped_by_admin"
    QUEUE_EMPTIED = "queue_emptied"
    PROVIDER_CREATED = "provider_created"
    PROVIDER_CHANGED = "provider_changed"
    PROVIDER_DELETED = "provider_deleted"
    LOCAL_MODEL_ADDED = "local_model_added"
    LOCAL_MODEL_DELETED = "local_model_deleted"
    MIDDLEWARE_ADDED = "middleware_added"
    MIDDLEWARE_CHANGED = "middleware_changed"
    MIDDLEWARE_DELETED = "middleware_deleted"
    BUDGET_SET = "budget_set"
    BUDGET_CHANGED = "budget_changed"
    BUDGET_DELETED = "budget_deleted"
    CHECKPOINTS_PRUNED = "checkpoints_pruned"


def record(
    session: Session,
    actor: Actor,
    action: str,
    *,
    object_kind: str = "",
    object_id: UUID | None = None,
    result: str = DONE,
    **detail: str,
) -> None:
    """Write down that `actor` did `action`; never put a secret into `detail`."""
    row = AuditRow(
        owner_id=actor.user_id,
        action=action,
        object_kind=object_kind,
        object_id=object_id,
        detail=detail,
        result=result,
        address=caller.current(),
        correlation_id=correlation.current(),
    )
    session.add(row)
