"""The page of the audit: what it shows an administrator, and what its filters keep."""

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.identity import audit
from app.backend.identity.audit import Action
from app.state.audit import AuditState
from tests.states import make_state


async def _opened(cookie: str) -> AuditState:
    state = make_state(AuditState, path="/audit", cookie=cookie)
    await AuditState.load.fn(state)
    return state


async def test_filters_keep_what_fits_and_go_into_the_file(
    cookie: str, services: Services, actor: Actor, other_actor: Actor
) -> None:
    async with services.db.transaction() as session:
        audit.record(session, actor, Action.USER_INVITED, email="x@y.org", role="user")
        audit.record(session, other_actor, Action.LOGGED_IN)
    state = await _opened(cookie)
    assert [row.action for row in state.rows] == ["Logged in", "User invited"]
    assert state.rows[1].subject == "x@y.org (role: user)"

    await AuditState.want.fn(state, "email", "owner")
    await AuditState.want.fn(state, "action", "user_invited")
    today = clock.now().date().isoformat()
    await AuditState.want.fn(state, "since", today)
    await AuditState.want.fn(state, "until", today)
    assert [row.email for row in state.rows] == [actor.email]
    assert state.is_filtered
    for words in ("email=owner", "action=user_invited", "since=", "until="):
        assert words in state.export_path

    await AuditState.want.fn(state, "since", "half a da")
    await AuditState.want.fn(state, "rows", "x")
    assert len(state.rows) == 1
    await AuditState.clear.fn(state)
    assert len(state.rows) == 2
    assert state.export_path == "/api/v1/audit/export"


async def test_page_is_not_for_others(other_cookie: str) -> None:
    state = await _opened(other_cookie)

    assert state.is_refused
    assert state.rows == []
    assert "role does not allow" in str(await AuditState.clear.fn(state))
