"""An agent with tools: it decides, calls one tool after the other, and answers."""

from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.tools import notes
from tests.integration.tools.conftest import WITHOUT_END, Desk
from tests.runs import assert_log_is_whole


async def _note(desk: Desk, name: str) -> str:
    async with desk.services.db.read() as session:
        note = await notes.find_note(session, desk.actor, name=name)
    return note.text if note else ""


async def test_agent_calls_its_tools_in_turn_and_answers(desk: Desk) -> None:
    run = await desk.run(
        [
            ("notes_put", {"name": "list", "text": "Milk"}),
            ("now", {"zone": "Asia/Tokyo"}),
        ],
        ("notes_append", {"name": "list", "line": "Bread"}),
        ("notes_read", {"name": "list"}),
        "It is done.",
    )

    events = await desk.runs.events(run.id)
    assert run.status == RunStatus.COMPLETED, run.error
    assert run.output is not None
    assert run.output.answer == "It is done."
    assert await _note(desk, "list") == "Milk\nBread"
    assert_log_is_whole(events)
    called = [event.payload for event in events if event.type == "tool_called"]
    returned = await desk.returned(run.id)
    assert [call["name"] for call in called] == [
        "notes_put",
        "now",
        "notes_append",
        "notes_read",
    ]
    assert len({call["tool_call_id"] for call in called}) == 4
    assert [one["tool_call_id"] for one in called] == [
        one["tool_call_id"] for one in returned
    ]
    assert not any(one["is_error"] for one in returned)
    assert returned[1]["result"].endswith("Asia/Tokyo")
    assert returned[3]["result"] == "Milk\nBread"
    # Of each turn of the model there is a message and its usage.
    kinds = [event.type for event in events]
    assert kinds.count("message_completed") == kinds.count("usage_recorded") == 4


async def test_log_has_what_the_model_was_asked_each_message_once(desk: Desk) -> None:
    secret = f"sk-{'a1b2c3d4e5' * 3}"
    run = await desk.run(
        ("notes_put", {"name": "key", "text": secret}),
        ("notes_read", {"name": "key"}),
        "It is done.",
        instructions="Be brief.",
        temperature=0.5,
    )

    events = await desk.runs.events(run.id)
    calls = [
        event.payload["call"] for event in events if event.type == "message_started"
    ]
    assert [call["size"] for call in calls] == [2, 4, 6]
    assert [[one["role"] for one in call["messages"]] for call in calls] == [
        ["system", "user"],
        ["assistant", "tool"],
        ["assistant", "tool"],
    ]
    assert calls[0]["messages"][0]["text"].startswith("Be brief.")
    assert calls[0]["temperature"] == 0.5
    assert "notes_put" in calls[0]["tools"]
    assert calls[2]["messages"][1] == {"n": 6, "role": "tool", "text": "[redacted]"}
    assert secret not in str([event.payload for event in events])


async def test_what_goes_wrong_with_a_tool_is_told_to_the_model(desk: Desk) -> None:
    run = await desk.run(
        ("notes_put", {"name": "list"}),
        ("nowhere", {}),
        ("now", {"zone": "Mars/Base"}),
        "I tried.",
    )

    returned = await desk.returned(run.id)
    assert run.status == RunStatus.COMPLETED, run.error
    assert [one["is_error"] for one in returned] == [True, True, True]
    assert "text: Field required" in returned[0]["result"]
    assert "needs name, text" in returned[0]["result"]
    assert "The tools are: now, ask_person" in returned[1]["result"]
    assert "There is no time zone 'Mars/Base'" in returned[2]["result"]


async def test_agent_that_never_answers_reaches_its_limit_of_steps(
    desk: Desk,
) -> None:
    run = await desk.run(*WITHOUT_END)

    assert run.status == RunStatus.TIMED_OUT
    assert "limit of 25 steps" in run.error


async def test_model_that_cannot_choose_tools_is_refused_in_words(desk: Desk) -> None:
    agent = await desk.agent("local/smollm2-135m")

    run = await desk.work((await desk.runs.start(agent.id)).id)

    assert run.status == RunStatus.FAILED
    assert "cannot choose tools" in run.error


async def test_notes_are_their_owners(desk: Desk, other_actor: Actor) -> None:
    await desk.run(("notes_put", {"name": "mine", "text": "Secret"}), "Done.")

    async with desk.services.db.read() as session:
        assert await notes.find_note(session, other_actor, name="mine") is None
        assert (await notes.list_notes(session, other_actor)).items == []
        mine = await notes.list_notes(session, desk.actor)
    assert [note.name for note in mine.items] == ["mine"]
