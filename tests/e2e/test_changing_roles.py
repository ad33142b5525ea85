"""Two people in two browsers: what one may do changes under their feet, and their window says so, or leaves."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from playwright.async_api import expect

from app import routes
from app.backend.agents.tables import AgentRow
from app.backend.core import ids
from app.backend.core.actor import Permission, Role
from app.backend.core.rows import owned_by
from app.backend.identity import people, permissions
from app.backend.identity import service as identity
from app.backend.identity.schemas import UserDraft
from app.backend.runs.tables import RunRow
from app.backend.system.people import suspend
from tests.e2e.browser import Tab
from tests.e2e.conftest import NewTab
from tests.e2e.run_page import RunPage
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of

PASSWORD = "correct horse battery"
REFUSED = "Your role does not allow this."
Visit = Callable[[], Awaitable["Visitor"]]


class Visitor:
    """Somebody with a window of their own, with whom the owner shares an agent that writes for ten seconds."""

    def __init__(self, tab: Tab, user_id: UUID, agent: AgentRow) -> None:
        self.tab, self.user_id, self.agent = tab, user_id, agent
        self.page, self.run = tab.page, RunPage(tab)

    async def ask(self) -> None:
        """Ask the agent, and return while it writes."""
        await self.tab.go(routes.agent_path(self.agent.id))
        await self.run.ask("Count.")
        await self.run.has_status("running")


@pytest.fixture
def visit(product: Product, new_tab: NewTab, login: object) -> Visit:
    """`await visit()` returns a new person who has signed in."""

    async def come() -> Visitor:
        email = f"guest-{ids.new_id().hex[-8:]}@example.org"
        draft = UserDraft.model_validate({"email": email, "password": PASSWORD})
        async with parts_of(product) as (services, owner):
            async with services.db.transaction() as session:
                user = await identity.create_user(session, owner, draft=draft)
                actor = await identity.get_actor(session, user.id)
            rows = RowFactory(services.db)
            agent = await rows.agent(owner, name="Counter", model="scripted/slow")
            await rows.share(agent, actor, "run")
        tab = await new_tab(is_signed_in=False)
        await tab.go(routes.LOGIN)
        await tab.page.get_by_label("E-mail").fill(email)
        await tab.page.get_by_label("Password").fill(PASSWORD)
        await tab.page.get_by_role("button", name="Sign in").click()
        await tab.page.wait_for_url(lambda url: "/login" not in url)
        await tab.settle()
        return Visitor(tab, user.id, agent)

    return come


async def test_role_that_became_smaller_refuses_in_words_and_keeps_what_was_typed(
    product: Product, visit: Visit
) -> None:
    guest = await visit()
    await guest.tab.go(routes.AGENT_NEW)
    await guest.page.locator("#name").fill("My own one")

    async with (
        parts_of(product) as (services, owner),
        services.db.transaction() as session,
    ):
        await people.set_role(session, owner, user_id=guest.user_id, role=Role.VIEWER)
    await guest.page.get_by_role("button", name="Save agent").click()

    await expect(guest.page.get_by_text(REFUSED)).to_be_visible()
    await expect(guest.page.locator("#name")).to_have_value("My own one")
    await guest.tab.go(routes.AGENTS)
    await expect(guest.page.get_by_text("My own one")).to_have_count(0)


async def test_permission_that_was_taken_starts_no_run(
    product: Product, visit: Visit
) -> None:
    guest = await visit()
    await guest.tab.go(routes.agent_path(guest.agent.id))

    async with parts_of(product) as (services, owner):
        async with services.db.transaction() as session:
            await permissions.change_permission(
                session,
                owner,
                user_id=guest.user_id,
                permission=Permission.ADD_RUN,
                has=False,
            )
        await guest.run.ask("May I?")
        await expect(guest.page.get_by_text(REFUSED)).to_be_visible()
        async with services.db.read() as session:
            actor = await identity.get_actor(session, guest.user_id)
            assert (await session.exec(owned_by(actor, RunRow))).all() == []


async def test_run_of_an_agent_that_is_withdrawn_comes_to_its_end(
    product: Product, visit: Visit
) -> None:
    guest = await visit()
    await guest.ask()

    async with parts_of(product) as (services, _):
        await RowFactory(services.db).unshare(guest.agent)

    await expect(
        guest.page.get_by_text("This agent is no longer shared with you")
    ).to_be_visible()
    await guest.run.has_status("completed")
    await guest.tab.go(routes.agent_path(guest.agent.id))
    await expect(guest.page.get_by_text("There is no such agent")).to_be_visible()


async def test_suspended_in_the_middle_of_a_run_is_out_and_the_run_ends(
    product: Product, visit: Visit
) -> None:
    guest = await visit()
    await guest.ask()

    async with parts_of(product) as (services, owner):
        async with services.db.transaction() as session:
            actor = await identity.get_actor(session, guest.user_id)
            await suspend(session, owner, user_id=guest.user_id, parts=services)
        heading = guest.page.get_by_role("heading", name="Sign in")
        await expect(heading).to_be_visible()
        await expect(guest.page.get_by_test_id("event-log")).to_have_count(0)
        async with services.db.read() as session:
            (run,) = (await session.exec(owned_by(actor, RunRow))).all()
        assert run.stop_requested_at or run.completed_at
