"""Agents as AG-UI clients run them."""

import asyncio
import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from app.backend.agents.schemas import AgentKind
from app.backend.agents.tables import AgentRow
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from tests.agui import check_stream, texts_of
from tests.factories.rows import MakeAgent, MakeRun
from tests.integration.tools.conftest import script
from tests.parts import wait_until
from tests.processes import Fork

ASK = ("ask_person", {"question": "Which colour?", "choices": ["Red", "Blue"]})


@pytest.fixture
async def agent(actor: Actor, make_agent: MakeAgent) -> AgentRow:
    """An agent with a scripted model."""
    return await make_agent(actor, model="scripted/hello")


@pytest.fixture
async def asking(actor: Actor, make_agent: MakeAgent) -> AgentRow:
    """An agent that asks before it answers."""
    return await make_agent(
        actor,
        model=script(ASK, "{told}"),
        kind=AgentKind.TOOLS,
        tools=["ask_person"],
    )


def _input(thread_id: str, run_id: str, text: str = "Hello", **more: Any) -> Any:
    said = {"id": "1", "role": "user", "content": text}
    return {"threadId": thread_id, "runId": run_id, "messages": [said], **more}


def _parse(text: str) -> list[dict[str, Any]]:
    lines = text.splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


async def _post(
    client: httpx.AsyncClient, agent: AgentRow, body: Any, **headers: str
) -> httpx.Response:
    async with asyncio.timeout(30):
        return await client.post(
            f"/api/v1/agents/{agent.id}/agui", json=body, headers=headers
        )


async def _run(
    client: httpx.AsyncClient, agent: AgentRow, body: Any
) -> list[dict[str, Any]]:
    answer = await _post(client, agent, body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    sent = _parse(answer.text)
    check_stream(sent)
    return sent


async def test_question_is_answered_in_the_conversation_of_the_client(
    client: httpx.AsyncClient, agent: AgentRow, worker: Fork
) -> None:
    first = await _run(client, agent, _input("t", "r1"))
    second = await _run(client, agent, _input("t", "r2"))

    assert {one["threadId"] for one in (first[0], first[-1])} == {"t"}
    assert first[-1]["outcome"] == {"type": "success"}
    (text,) = texts_of(first).values()
    assert first[-1]["result"]["answer"] == text
    threads = (await client.get("/api/v1/threads")).json()["items"]
    assert [thread["channel"] for thread in threads] == ["agui"]
    runs = (await client.get("/api/v1/runs")).json()["items"]
    assert {run["thread_id"] for run in runs} == {threads[0]["id"]}
    ours = [sent[0]["metadata"]["atelier"]["run_id"] for sent in (first, second)]
    assert sorted(ours) == sorted(run["id"] for run in runs)


async def test_what_was_said_elsewhere_begins_a_new_conversation(
    client: httpx.AsyncClient, agent: AgentRow, worker: Fork
) -> None:
    body = _input("t", "r1")
    body["messages"] = [
        {"id": "1", "role": "user", "content": "My name is Ada."},
        {"id": "2", "role": "assistant", "content": "Hello Ada."},
        {"id": "3", "role": "user", "content": "Hello"},
    ]
    await _run(client, agent, body)
    await _run(client, agent, {**body, "runId": "r2"})

    (thread,) = (await client.get("/api/v1/threads")).json()["items"]
    said = (await client.get(f"/api/v1/threads/{thread['id']}/messages")).json()
    texts = [message["content"] for message in said["items"]]
    assert texts[:3] == ["My name is Ada.", "Hello Ada.", "Hello"]
    assert len(texts) == 6


async def test_run_id_that_is_sent_again_is_the_same_run(
    client: httpx.AsyncClient, agent: AgentRow, worker: Fork
) -> None:
    both = await asyncio.gather(
        _run(client, agent, _input("t", "r")), _run(client, agent, _input("t", "r"))
    )
    again = await _post(client, agent, _input("t", "r"), **{"Last-Event-ID": "3"})

    assert both[0] == both[1]
    assert len((await client.get("/api/v1/runs")).json()["items"]) == 1
    rest = _parse(again.text)
    assert 0 < len(rest) < len(both[0])
    assert rest == both[0][-len(rest) :]


async def test_run_id_of_another_conversation_or_agent_is_refused(
    client: httpx.AsyncClient, agent: AgentRow, asking: AgentRow, worker: Fork
) -> None:
    await _run(client, agent, _input("t", "r"))

    for other, thread_id in ((agent, "other"), (asking, "t")):
        refused = await _post(client, other, _input(thread_id, "r"))
        assert refused.status_code == 409
        assert "new one with each run" in refused.json()["message"]
    assert len((await client.get("/api/v1/threads")).json()["items"]) == 1


async def test_ids_of_one_person_are_nothing_to_another(
    client: httpx.AsyncClient,
    other_client: httpx.AsyncClient,
    agent: AgentRow,
    other_actor: Actor,
    make_agent: MakeAgent,
    worker: Fork,
) -> None:
    theirs = await make_agent(other_actor, model="scripted/hello")
    mine = await _run(client, agent, _input("t", "r"))
    others = await _run(other_client, theirs, _input("t", "r"))
    foreign = await _post(other_client, agent, _input("t", "r2"))

    assert mine[0]["metadata"] != others[0]["metadata"]
    assert foreign.status_code == 404


async def _interrupt(
    client: httpx.AsyncClient, asking: AgentRow, thread_id: str = "t"
) -> str:
    sent = await _run(client, asking, _input(thread_id, f"{thread_id}-1"))
    outcome = sent[-1]["outcome"]
    assert outcome["type"] == "interrupt"
    return outcome["interrupts"][0]["id"]


def _resume(interrupt_id: str, run_id: str = "r2", **entry: Any) -> Any:
    answer = {"interruptId": interrupt_id, "status": "resolved", **entry}
    return _input("t", run_id, resume=[answer])


async def test_answer_in_resume_lets_the_run_go_on(
    client: httpx.AsyncClient, asking: AgentRow, worker: Fork
) -> None:
    interrupt_id = await _interrupt(client, asking)
    body = _resume(interrupt_id, payload={"choice": "Blue"})
    sent = await _run(client, asking, body)
    again = await _run(client, asking, body)
    other = await _post(client, asking, _resume(interrupt_id, payload="Red"))
    first = await _run(client, asking, _input("t", "t-1"))

    assert sent[0]["runId"] == sent[-1]["runId"] == "r2"
    assert sent[-1]["result"]["answer"] == "Blue"
    assert "TOOL_CALL_RESULT" in {one["type"] for one in sent}
    assert again == sent
    assert other.status_code == 409
    assert first[-1]["outcome"]["interrupts"][0]["id"] == interrupt_id
    assert len((await client.get("/api/v1/runs")).json()["items"]) == 1


async def test_answer_that_is_not_given_stops_the_run(
    client: httpx.AsyncClient, asking: AgentRow, worker: Fork
) -> None:
    body = _resume(await _interrupt(client, asking), status="cancelled")
    sent = await _run(client, asking, body)
    again = await _run(client, asking, body)

    assert sent[-1]["outcome"] == {"type": "cancelled"}
    assert again == sent
    (run,) = (await client.get("/api/v1/runs")).json()["items"]
    assert run["status"] == "stopped"


async def test_question_that_is_passed_over_stays_open(
    client: httpx.AsyncClient, asking: AgentRow, worker: Fork
) -> None:
    interrupt_id = await _interrupt(client, asking)
    passed = await _post(client, asking, _input("t", "r2"))
    wrong = await _post(client, asking, _resume(interrupt_id, payload=[1]))
    two = _resume(interrupt_id, payload="Red")
    two["resume"] *= 2
    double = await _post(client, asking, two)

    assert passed.status_code == 409
    assert interrupt_id in passed.json()["message"]
    assert (wrong.status_code, double.status_code) == (400, 400)
    (run,) = (await client.get("/api/v1/runs")).json()["items"]
    assert run["status"] == "waiting"


async def test_interrupts_of_others_and_of_other_conversations_are_not_there(
    client: httpx.AsyncClient,
    other_client: httpx.AsyncClient,
    other_actor: Actor,
    asking: AgentRow,
    make_agent: MakeAgent,
    worker: Fork,
) -> None:
    interrupt_id = await _interrupt(client, asking)
    elsewhere = await _interrupt(client, asking, "other")
    theirs = await make_agent(other_actor, model="scripted/hello")
    answers = [
        await _post(other_client, theirs, _resume(interrupt_id, payload="Red")),
        await _post(client, asking, _resume(elsewhere, payload="Red")),
        await _post(client, asking, _resume(f"{uuid4()}:ask", payload="Red")),
        await _post(client, asking, _resume("nothing", payload="Red")),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert {answer.json()["resource"] for answer in answers} == {"interrupt"}
    runs = (await client.get("/api/v1/runs")).json()["items"]
    assert {run["status"] for run in runs} == {"waiting"}


@pytest.fixture
async def delegating(actor: Actor, asking: AgentRow, make_agent: MakeAgent) -> AgentRow:
    """An agent that asks one that asks one that asks before it answers."""

    async def ask(name: str, below: str) -> AgentRow:
        call = ("run_agent", {"agent": below, "question": "Which one?"})
        return await make_agent(
            actor,
            name=name,
            model=script(call, "{told}"),
            kind=AgentKind.TOOLS,
            tools=["run_agent"],
        )

    await ask("Middle", asking.name)
    return await ask("Top", "Middle")


async def test_question_of_a_run_below_is_answered_through_the_run_of_the_client(
    client: httpx.AsyncClient, delegating: AgentRow, worker: Fork
) -> None:
    interrupt_id = await _interrupt(client, delegating)
    passed = await _post(client, delegating, _input("t", "r9"))
    body = _resume(interrupt_id, payload={"choice": "Blue"})
    sent = await _run(client, delegating, body)
    again = await _run(client, delegating, body)
    other = await _post(client, delegating, _resume(interrupt_id, payload="Red"))
    first = await _post(
        client, delegating, _input("t", "t-1"), **{"Last-Event-ID": "1000"}
    )

    runs = (await client.get("/api/v1/runs")).json()["items"]
    (top,) = (run for run in runs if run["parent_id"] is None)
    assert sent[0]["metadata"]["atelier"]["run_id"] == top["id"]
    assert interrupt_id.partition(":")[0] not in (top["id"], "")
    assert sent[-1]["result"]["answer"] == "Blue"
    assert again == sent
    assert (passed.status_code, other.status_code) == (409, 409)
    assert interrupt_id in passed.json()["message"]
    assert _parse(first.text) == []
    assert [run["status"] for run in runs] == ["completed"] * 3


async def test_question_of_a_run_below_that_is_not_answered_stops_all(
    client: httpx.AsyncClient, delegating: AgentRow, worker: Fork
) -> None:
    body = _resume(await _interrupt(client, delegating), status="cancelled")
    sent = await _run(client, delegating, body)
    again = await _run(client, delegating, body)

    assert sent[-1]["outcome"] == {"type": "cancelled"}
    assert again == sent
    runs = (await client.get("/api/v1/runs")).json()["items"]
    assert [run["status"] for run in runs] == ["stopped"] * 3


async def test_question_of_a_run_below_is_nothing_to_another_conversation(
    client: httpx.AsyncClient, delegating: AgentRow, asking: AgentRow, worker: Fork
) -> None:
    interrupt_id = await _interrupt(client, delegating, "other")
    await _interrupt(client, asking)
    answers = [
        await _post(client, agent, _resume(interrupt_id, payload="Red"))
        for agent in (delegating, asking)
    ]

    assert [answer.status_code for answer in answers] == [404, 404]


async def test_tools_of_the_application_are_left_out_with_a_notice(
    client: httpx.AsyncClient, agent: AgentRow, worker: Fork
) -> None:
    tools = [{"name": "show_map", "description": "Shows a map.", "parameters": {}}]
    sent = await _run(client, agent, _input("t", "r", tools=tools))

    assert sent[1]["name"] == "atelier.notice"
    assert "show_map" in sent[1]["value"]
    assert sent[-1]["outcome"] == {"type": "success"}


async def test_run_goes_on_when_its_client_goes(
    served: str,
    client: httpx.AsyncClient,
    services: Services,
    agent: AgentRow,
) -> None:
    headers = {"Authorization": client.headers["Authorization"]}
    url = f"{served}/api/v1/agents/{agent.id}/agui"
    async with (
        httpx.AsyncClient(headers=headers, timeout=30) as browser,
        browser.stream("POST", url, json=_input("t", "r")) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                break
    await asyncio.to_thread(
        wait_until,
        lambda: not services.feed.followed,
        seconds=20,
        what="What it followed is let go",
    )

    (run,) = (await client.get("/api/v1/runs")).json()["items"]
    assert run["status"] == "queued"


async def test_input_that_is_none_is_refused_before_the_stream(
    client: httpx.AsyncClient, agent: AgentRow
) -> None:
    bodies: list[Any] = [
        {},
        {"threadId": "t", "messages": []},
        _input("t", ""),
        {**_input("t", "r"), "messages": []},
        _input("t", "r", text="   "),
        _input("t", "r", context=[{"description": "a"}]),
    ]
    for body in bodies:
        answer = await _post(client, agent, body)
        assert answer.status_code == 400, body
        assert answer.json()["details"]
    assert (await client.get("/api/v1/threads")).json()["items"] == []


async def test_one_run_too_many_says_when_to_come_back(
    app: FastAPI,
    services: Services,
    client: httpx.AsyncClient,
    actor: Actor,
    agent: AgentRow,
    make_run: MakeRun,
) -> None:
    await make_run(actor, agent=agent)
    one = services.settings.model_copy(update={"runs_active_max": 1})
    app.state.services = replace(services, settings=one)
    refused = await _post(client, agent, _input("t", "r"))

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    assert (await client.get("/api/v1/threads")).json()["items"] == []
