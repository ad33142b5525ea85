"""The notes of a person's agents, on the page Knowledge."""

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.tools import notes
from app.backend.tools.schemas import NOTE_LENGTH_MAX
from app.state.note_list import NoteListState
from tests.states import make_state


async def _put(services: Services, actor: Actor, *names: str) -> None:
    async with services.db.transaction() as session:
        for name in names:
            await notes.put_note(session, actor, name=name, text=f"About {name}.")


async def test_note_is_read_changed_and_deleted(
    cookie: str, services: Services, actor: Actor, other_actor: Actor
) -> None:
    await _put(services, other_actor, "theirs")
    await _put(services, actor, "bread", "milk")
    state = make_state(NoteListState, cookie=cookie)

    await NoteListState.load.fn(state)
    assert [(row.name, row.beginning) for row in state.rows] == [
        ("milk", "About milk."),
        ("bread", "About bread."),
    ]

    await NoteListState.open.fn(state, state.rows[1].id)
    assert state.opened.text == "About bread."
    await NoteListState.save.fn(state, {"text": "Rye."})
    assert [row.beginning for row in state.rows] == ["About milk.", "Rye."]
    assert state.opened.id == ""

    await NoteListState.open.fn(state, state.rows[0].id)
    await NoteListState.ask_delete.fn(state)
    await NoteListState.delete.fn(state)
    assert [row.name for row in state.rows] == ["bread"]
    assert not state.is_doomed
    async with services.db.read() as session:
        assert await notes.find_note(session, actor, name="milk") is None


async def test_what_an_agent_adds_meanwhile_is_not_written_over(
    cookie: str, services: Services, actor: Actor
) -> None:
    await _put(services, actor, "milk")
    state = make_state(NoteListState, cookie=cookie)
    await NoteListState.load.fn(state)
    await NoteListState.open.fn(state, state.rows[0].id)
    async with services.db.transaction() as session:
        await notes.append_note(session, actor, name="milk", line="Two litres.")

    refused = await NoteListState.save.fn(state, {"text": "None."})

    assert "has changed since you opened it" in str(refused)
    assert state.opened.name == "milk"
    await NoteListState.open.fn(state, state.rows[0].id)
    assert state.opened.text == "About milk.\nTwo litres."
    await NoteListState.save.fn(state, {"text": "None."})
    assert [row.beginning for row in state.rows] == ["None."]


async def test_note_that_is_too_long_says_so_beside_the_field(
    cookie: str, services: Services, actor: Actor
) -> None:
    await _put(services, actor, "milk")
    state = make_state(NoteListState, cookie=cookie)
    await NoteListState.load.fn(state)
    await NoteListState.open.fn(state, state.rows[0].id)

    await NoteListState.save.fn(state, {"text": "x" * (NOTE_LENGTH_MAX + 1)})

    assert state.errors == {"text": "Write at most 100000 characters."}
    assert state.opened.name == "milk"
