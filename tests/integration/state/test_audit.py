"""The page of the audit: what it shows an administrator, and what its filters keep."""

from sqlmodel import select

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.identity import audit, audit_chain
from app.backend.identity.audit import Action
from app.backend.identity.tables import AuditRow
from app.state.audit import AuditState, AuditWish
from app.state.paging import PAGE_SIZE
from tests.states import make_state


async def _opened(cookie: str, query: str = "") -> AuditState:
    state = make_state(AuditState, path=f"/audit{query}", cookie=cookie)
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


async def test_what_nobody_filled_in_is_left_out(
    cookie: str, services: Services, actor: Actor
) -> None:
    async with services.db.transaction() as session:
        action, name = Action.LOCAL_MODEL_ADDED, "local/tiny"
        audit.record(session, actor, action, name=name, source="", sha256="ab")
    state = await _opened(cookie)

    assert state.rows[0].subject == "name: local/tiny, sha256: ab"


async def test_page_is_not_for_others(other_cookie: str) -> None:
    state = await _opened(other_cookie)

    assert state.rows == []
    assert "role does not allow" in str(await AuditState.clear.fn(state))


async def test_address_says_what_is_shown_and_pages_are_turned(
    cookie: str, services: Services, actor: Actor
) -> None:
    async with services.db.transaction() as session:
        for number in range(2 * PAGE_SIZE + 1):
            kind = "run" if number else "secret"
            audit.record(
                session, actor, Action.LOGGED_IN, object_kind=kind, n=str(number)
            )
    state = await _opened(cookie)
    await AuditState.turn.fn(state, "older")
    again = await _opened(cookie, f"?before={state.before}")
    await AuditState.turn.fn(again, "older")

    assert [row.subject for row in state.rows] == [
        f"run (n: {n})" for n in range(PAGE_SIZE, 0, -1)
    ]
    assert [row.subject for row in again.rows] == ["secret (n: 0)"]
    assert not again.has_older
    await AuditState.turn.fn(again, "newest")
    assert (again.before, len(again.rows)) == ("", PAGE_SIZE)

    found = await _opened(cookie, "?object=secret&result=done&action=x&before=y")
    assert [row.subject for row in found.rows] == ["secret (n: 0)"]
    assert found.place == {
        **AuditWish().model_dump(),
        "object": "secret",
        "result": "done",
        "before": "",
    }


async def test_verify_says_whether_the_audit_is_as_it_was_written(
    cookie: str, services: Services, actor: Actor
) -> None:
    async with services.db.transaction() as session:
        audit.record(session, actor, Action.LOGGED_IN)
    await audit_chain.chain_rows(services.db, services.keyring)
    state = await _opened(cookie)

    await AuditState.verify.fn(state)
    assert state.is_whole
    assert state.verdict.startswith("All 1 rows")

    async with services.db.transaction() as session:
        session.add(AuditRow(owner_id=actor.user_id, action="x", number=2))
    await AuditState.verify.fn(state)
    assert not state.is_whole
    assert "Row 2" in state.verdict


async def test_refused_event_is_in_the_audit(
    other_cookie: str, services: Services
) -> None:
    state = await _opened(other_cookie)

    await AuditState.clear.fn(state)
    await AuditState.clear.fn(state)

    async with services.db.read() as session:
        rows = list((await session.exec(select(AuditRow))).all())
    assert [(row.result, row.detail["what"]) for row in rows] == [
        ("refused", "AuditState.clear")
    ]
