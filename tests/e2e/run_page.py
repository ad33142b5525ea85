"""What a person does and sees on a page that shows a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from playwright.async_api import Locator, expect

from app.backend.agents.schemas import AgentKind
from app.backend.runs import service as runs
from app.backend.runs.schemas import RunDraft
from app.routes import run_path
from tests.e2e.browser import Tab
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of

RUN_SECONDS = 60


async def start_run(product: Product, model: str, tools: Sequence[str] = ()) -> str:
    """Start a run of a new agent; returns the address of its page."""
    async with parts_of(product) as (services, owner):
        agent = await RowFactory(services.db).agent(
            owner,
            name="Viewed",
            model=model,
            kind=AgentKind.TOOLS if tools else AgentKind.ANSWER,
            tools=[*tools],
        )
        async with services.db.transaction() as session:
            view = await runs.start_run(
                session,
                owner,
                agent_id=agent.id,
                draft=RunDraft(input={"query": "Is it so?"}),
                parts=services,
            )
    return run_path(view.id)


@dataclass
class RunPage:
    """The page of an agent, or of a run."""

    tab: Tab

    @property
    def log(self) -> Locator:
        """The live log."""
        return self.tab.page.get_by_test_id("event-log")

    @property
    def answer(self) -> Locator:
        """The text of the answer."""
        return self.tab.page.get_by_test_id("answer-text").last

    async def ask(self, question: str) -> None:
        """Write a question and press Run."""
        await self.tab.page.get_by_role("textbox", name="Ask").fill(question)
        await self.tab.page.get_by_role("button", name="Run", exact=True).click()

    async def has_status(self, status: str, *, seconds: float = RUN_SECONDS) -> None:
        """Return when the log shows that the run is `status`."""
        milliseconds = seconds * 1000
        await expect(self.log).to_have_attribute(
            "data-status", status, timeout=milliseconds
        )

    async def says(self, text: str, *, seconds: float = RUN_SECONDS) -> None:
        """Return when the answer contains `text`."""
        await expect(self.answer).to_contain_text(text, timeout=seconds * 1000)

    async def count(self) -> int:
        """Return the seq of the newest event in the log."""
        return int(await self.log.get_attribute("data-count") or 0)

    async def words(self) -> list[str]:
        """Return the words of the answer."""
        return (await self.answer.inner_text()).split()
