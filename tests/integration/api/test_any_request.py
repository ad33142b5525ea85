"""Requests made up from the description of the API, also such as do not fit it: none breaks it or shows what is not one's own.

They are the same ones each time. Wherever an id belongs, own, foreign and absent things are named.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, strategies
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation

from app.backend.api.app import make_api
from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor, Role
from app.backend.core.crypto import hash_token
from app.backend.identity import cookies
from app.backend.identity.tables import SessionRow
from tests.factories.rows import MakeUser, RowFactory
from tests.integration.api.test_isolation import KINDS
from tests.isolation import SECRET, Kind, World, make_world
from tests.machine import Machine, open_machine
from tests.processes import ForkServer
from tests.stack import Stack

EXAMPLES = {GenerationMode.POSITIVE: 6, GenerationMode.NEGATIVE: 3}
ANSWER_SECONDS = 10
# They go on for as long as a run of one's own does.
STREAMING = {"/api/v1/agents/{agent_id}/agui"}
# Everybody may share with a group, so everybody sees their names.
FOR_ALL = {"/api/v1/groups"}
WAITS_FOR_A_MODEL = "/api/v1/playground"
# Embedding, the runtime, or an address of another service: not there in this test.
PART_IS_AWAY = 503

ENDING = {"/api/auth/logout", "/api/auth/sessions", "/api/auth/sessions/{session_id}"}

Pool = dict[str, list[str]]
Operation = APIOperation[Any, Any, Any, Any]


@pytest.fixture
def machine(
    stack: Stack, fork_server: ForkServer, services: Services, tmp_path: Any
) -> Iterator[Machine]:
    """The API as a process of its own."""
    with open_machine(stack, fork_server, services.settings, tmp_path) as opened:
        opened.start_web()
        yield opened


@pytest.fixture
async def foreign(services: Services, actor: Actor) -> World:
    """All that the owner of the installation has."""
    return await make_world(services, actor)


@pytest.mark.timeout(150, func_only=True)
@pytest.mark.parametrize("role", [Role.USER, Role.ADMIN])
async def test_no_request_breaks_the_api_or_shows_what_is_foreign(
    machine: Machine,
    services: Services,
    make_user: MakeUser,
    rows: RowFactory,
    foreign: World,
    role: Role,
) -> None:
    somebody = await make_user(role=role)
    pool = await _own_things(rows, somebody)
    for name, things in pool.items():
        things += map(str, foreign[KINDS[name]])
    headers = await _sign_in(services, somebody)
    headers["Origin"] = machine.settings.web_address
    schema = schemathesis.openapi.from_dict(make_api(machine.settings).openapi())

    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    operations = [one for one in found if one.path != WAITS_FOR_A_MODEL]
    # Some end the login of who asks, so they come last.
    for operation in sorted(operations, key=lambda one: one.path in ENDING):
        _attack(operation, machine.settings.web_address, headers, pool)


def _attack(
    operation: Operation, address: str, headers: dict[str, str], pool: Pool
) -> None:
    for mode, count in EXAMPLES.items():

        @given(case=operation.as_strategy(mode), choose=strategies.data())
        @hypothesis_settings(
            max_examples=count,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        )
        def send(case: Case[Any], choose: strategies.DataObject) -> None:
            _put_ids(case, choose, pool)
            answer = case.call(address, headers=headers, timeout=ANSWER_SECONDS)

            said = f"{case.method} {answer.request.url} {case.body!r} → {answer.text}"
            assert answer.status_code < 500 or answer.status_code == PART_IS_AWAY, said
            assert SECRET not in answer.text or operation.path in FOR_ALL, said

        with suppress(Unsatisfiable):  # nothing can be wrong where nothing is asked for
            send()


def _put_ids(case: Case[Any], choose: strategies.DataObject, pool: Pool) -> None:
    """Let the request name something that there is."""
    named: list[dict[str, Any]] = [case.path_parameters, case.query]
    if isinstance(case.body, dict):
        named.append(case.body)
    for values in named:
        for name in values.keys() & pool.keys():
            things = pool[name]
            if case.operation.path in STREAMING:
                things = things[1:]
            chosen = choose.draw(strategies.sampled_from([*things, values[name]]))
            values[name] = [chosen] if isinstance(values[name], list) else chosen


async def _own_things(rows: RowFactory, somebody: Actor) -> Pool:
    """Give somebody an agent, a collection, a conversation and a run; the first of each name is their own."""
    collection = await rows.collection(somebody)
    agent = await rows.agent(somebody, collection_ids=[collection.id])
    thread = await rows.thread(somebody, agent_id=agent.id)
    run = await rows.run(somebody, agent=agent, thread_id=thread.id)
    own = {
        Kind.AGENT: agent.id,
        Kind.COLLECTION: collection.id,
        Kind.THREAD: thread.id,
        Kind.RUN: run.id,
    }
    return {
        name: [str(own.get(kind, ids.new_id()))]
        for name, kind in KINDS.items()
        if name != "provider"
    }


async def _sign_in(services: Services, somebody: Actor) -> dict[str, str]:
    token = ids.new_token()
    row = SessionRow(
        owner_id=somebody.user_id,
        token_hash=hash_token(token),
        expires_at=clock.now() + timedelta(days=1),
    )
    async with services.db.transaction() as session:
        session.add(row)
    return {"Cookie": f"{cookies.cookie_name(services.keyring)}={token}"}
