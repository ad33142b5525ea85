"""The audit, as administrators read it: by person, action and time, a page at a time, and as JSON lines."""

import json
from datetime import timedelta

import pytest

from app.backend.bootstrap import Services
from app.backend.core import caller, clock, correlation, ids
from app.backend.core.actor import Actor
from app.backend.core.errors import Forbidden
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity import audit, audit_log
from app.backend.identity.audit import Action
from app.backend.identity.audit_log import AuditFilter
from app.backend.identity.tables import AuditRow


async def _done(
    services: Services, actor: Actor, action: Action, email: str = ""
) -> None:
    async with services.db.transaction() as session:
        audit.record(session, actor, action, email=email)


async def _list(services: Services, actor: Actor, **wanted: object) -> list[str]:
    async with services.db.read() as session:
        page = await audit_log.list_audit(
            session, actor, wanted=AuditFilter.model_validate(wanted)
        )
    return [f"{view.email} {view.action}" for view in page.items]


async def test_row_says_who_did_what_from_where(
    services: Services, actor: Actor
) -> None:
    request_id = ids.new_id()
    caller.begin("192.0.2.7")
    with correlation.bound(request_id):
        await _done(services, actor, Action.LOGGED_IN, email="x")
    caller.begin("")

    async with services.db.read() as session:
        page = await audit_log.list_audit(session, actor, wanted=AuditFilter())
    (view,) = page.items
    assert (view.email, view.action, view.result) == (actor.email, "logged_in", "done")
    assert (view.address, view.correlation_id) == ("192.0.2.7", request_id)
    assert view.detail == {"email": "x"}


async def test_rows_are_found_by_person_action_and_time(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    await _done(services, other_actor, Action.LOGGED_IN)
    old = clock.now() - timedelta(days=3)
    async with services.db.transaction() as session:
        session.add(
            AuditRow(owner_id=actor.user_id, action="logged_out", created_at=old)
        )
    between = {"since": old - timedelta(hours=1), "until": old + timedelta(hours=1)}

    assert await _list(services, actor) == [
        "owner@example.org logged_out",
        "other@example.org logged_in",
    ]
    assert await _list(services, actor, email=" OTHER@") == [
        "other@example.org logged_in"
    ]
    assert await _list(services, actor, email="%") == []
    assert await _list(services, actor, action="logged_out") == [
        "owner@example.org logged_out"
    ]
    assert await _list(services, actor, **between) == ["owner@example.org logged_out"]
    assert await _list(services, actor, until=old) == []


async def test_rows_are_found_by_object_and_result(
    services: Services, actor: Actor
) -> None:
    run_id = ids.new_id()
    async with services.db.transaction() as session:
        audit.record(
            session, actor, Action.RUN_STOPPED, object_kind="run", object_id=run_id
        )
        audit.record(session, actor, Action.ACCESS_REFUSED, result=audit.REFUSED)
    stopped, refused = (
        f"owner@example.org {action}"
        for action in (Action.RUN_STOPPED, Action.ACCESS_REFUSED)
    )

    assert await _list(services, actor, object=str(run_id)) == [stopped]
    assert await _list(services, actor, object=" RUN ") == [stopped]
    assert await _list(services, actor, object=str(actor.user_id)) == []
    assert await _list(services, actor, result="refused") == [refused]
    assert await _list(services, actor, result="done") == [stopped]


async def test_export_has_every_row_of_many_pages(
    services: Services, actor: Actor
) -> None:
    count = PAGE_SIZE_MAX + 1
    async with services.db.transaction() as session:
        for number in range(count):
            audit.record(session, actor, Action.LOGGED_IN, number=str(number))

    lines = [
        json.loads(line)
        async for line in audit_log.export_audit(
            services.db, actor, wanted=AuditFilter()
        )
    ]

    numbers = [int(line["detail"]["number"]) for line in lines]
    assert numbers == list(reversed(range(count)))


async def test_audit_is_for_administrators(
    services: Services, other_actor: Actor
) -> None:
    with pytest.raises(Forbidden):
        await _list(services, other_actor)
    with pytest.raises(Forbidden):
        async for _ in audit_log.export_audit(
            services.db, other_actor, wanted=AuditFilter()
        ):
            pass
