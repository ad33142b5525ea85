"""The page of people: what it shows an administrator, and what it asks before it acts."""

from app.backend.core.actor import Actor
from app.state.paging import PAGE_SIZE
from app.state.people import PeopleState
from tests.factories.rows import MakeUser
from tests.integration.state.conftest import SignIn
from tests.states import ORIGIN, make_state

EMAIL = "ada@example.org"


async def _opened(cookie: str, query: str = "") -> PeopleState:
    state = make_state(PeopleState, path=f"/people{query}", cookie=cookie)
    await PeopleState.load.fn(state)
    return state


async def test_link_of_an_invitation_is_shown_once(cookie: str) -> None:
    state = await _opened(cookie)

    await PeopleState.open_invite.fn(state)
    await PeopleState.invite.fn(state, {"email": "nonsense", "role": "user"})
    assert "e-mail address" in state.errors["email"]
    await PeopleState.invite.fn(state, {"email": EMAIL, "role": "viewer"})

    assert state.link.startswith(f"{ORIGIN}/choose-password?token=")
    assert (state.is_inviting, state.link_email) == (False, EMAIL)
    assert [(row.email, row.status) for row in state.rows][:1] == [(EMAIL, "invited")]
    await PeopleState.leave.fn(state)
    assert state.link == ""


async def test_suspension_is_asked_for_and_taken_back(
    cookie: str, other_actor: Actor, sign_in: SignIn
) -> None:
    state = await _opened(cookie)
    theirs = str(other_actor.user_id)

    await PeopleState.ask.fn(state, "suspend", theirs, other_actor.email)
    assert state.question[0] == f"Suspend {other_actor.email}?"
    said = await PeopleState.confirm.fn(state)
    assert "is suspended" in str(said)
    assert {row.id: row.status for row in state.rows}[theirs] == "suspended"

    await PeopleState.reactivate.fn(state, theirs)
    assert {row.id: row.status for row in state.rows}[theirs] != "suspended"


async def test_new_link_is_asked_for(cookie: str, other_actor: Actor) -> None:
    state = await _opened(cookie)

    await PeopleState.ask.fn(state, "link", str(other_actor.user_id), other_actor.email)
    await PeopleState.confirm.fn(state)

    assert "/choose-password?token=" in state.link


async def test_role_is_changed_and_the_last_administrator_stays(
    cookie: str, actor: Actor, other_actor: Actor
) -> None:
    state = await _opened(cookie)

    said = await PeopleState.set_role.fn(state, str(other_actor.user_id), "viewer")
    refused = await PeopleState.set_role.fn(state, str(actor.user_id), "user")

    assert "is now a viewer" in str(said)
    assert "only administrator" in str(refused)
    assert await PeopleState.set_role.fn(state, str(actor.user_id), "king") is None


async def test_list_is_searched(cookie: str, other_actor: Actor) -> None:
    state = await _opened(cookie)

    await PeopleState.search.fn(state, "OTHER")

    assert [row.email for row in state.rows] == [other_actor.email]


async def test_page_is_not_for_others(other_cookie: str) -> None:
    state = await _opened(other_cookie)

    assert state.rows == []
    assert "role does not allow" in str(await PeopleState.search.fn(state, ""))


async def test_pages_are_turned_and_the_address_says_which_is_shown(
    cookie: str, make_user: MakeUser
) -> None:
    made = [
        await make_user(email=f"many{number}@example.org")
        for number in range(PAGE_SIZE + 2)
    ]
    newest_first = [one.email for one in reversed(made)]
    state = await _opened(cookie, "?q=many")
    first = [row.email for row in state.rows]

    await PeopleState.turn.fn(state, "older")
    again = await _opened(cookie, f"?q=many&before={state.before}")

    assert first + [row.email for row in again.rows] == newest_first
    assert (again.has_older, again.place["q"]) == (False, "many")
    await PeopleState.turn.fn(again, "newest")
    assert [row.email for row in again.rows] == first
