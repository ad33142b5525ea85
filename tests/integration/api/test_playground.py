"""A model is asked over the API, without an agent."""

import asyncio
import json

import httpx
import pytest

from app.backend.models.catalog import ModelCatalog

ENDLESS = 'scripted/{"tokens": 5000, "tokens_per_second": 20}'
PATH = "/api/v1/playground"


async def test_answer_comes_as_lines_and_then_what_it_took(
    client: httpx.AsyncClient,
) -> None:
    body = {"model": "scripted/echo", "prompt": "How are you?"}
    answer = await client.post(PATH, json=body)
    usage = (await client.get("/api/v1/usage", params={"group_by": "agent"})).json()

    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    assert "".join(line.get("text", "") for line in lines) == "How are you?"
    assert lines[-1]["figures"]["tokens_out"] == 3
    assert lines[-1]["figures"]["cost_micros"] == 0
    assert [(one["name"], one["calls"]) for one in usage["items"]] == [
        ("Playground", 1)
    ]


async def test_model_that_is_not_there_is_told_in_the_last_line(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post(PATH, json={"model": "gone/x", "prompt": "Why?"})

    (line,) = [json.loads(line) for line in answer.text.splitlines()]
    assert "no provider 'gone'" in line["error"]


async def test_answer_whose_reader_leaves_is_counted(
    served: str, client: httpx.AsyncClient
) -> None:
    body = {"model": ENDLESS, "prompt": "Why?"}
    own = {"Authorization": client.headers["Authorization"]}
    async with (
        httpx.AsyncClient(base_url=served, headers=own) as reader,
        reader.stream("POST", PATH, json=body) as answer,
    ):
        await anext(answer.aiter_lines())

    async with asyncio.timeout(20):
        while not (await client.get("/api/v1/usage")).json()["items"]:
            pass


async def test_failure_that_nobody_expected_ends_the_lines_with_an_id(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        message = "a secret"
        raise RuntimeError(message)

    monkeypatch.setattr(ModelCatalog, "open", broken)
    answer = await client.post(PATH, json={"model": "scripted/echo", "prompt": "Why?"})

    (line,) = [json.loads(line) for line in answer.text.splitlines()]
    assert "error id" in line["error"]
    assert "a secret" not in answer.text


async def test_empty_question_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, json={"model": "scripted/echo", "prompt": " "})

    assert answer.status_code == 400
    assert "prompt" in answer.json()["details"]
