"""A model is asked over the API, without an agent."""

import json

import httpx

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


async def test_empty_question_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, json={"model": "scripted/echo", "prompt": " "})

    assert answer.status_code == 400
    assert "prompt" in answer.json()["details"]
