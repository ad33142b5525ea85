"""A page asks for its first data while its scripts still load, and whatever comes between costs no data."""

import asyncio

import pytest
from playwright.async_api import Page, WebSocket, WebSocketRoute, expect

from app import routes
from tests.e2e.browser import SECONDS, Tab
from tests.e2e.conftest import NewTab
from tests.e2e.run_page import RunPage, start_run
from tests.product import Product

STATE_SOCKET = "/_event/?token="
QUESTION = "40/"
APP = "**/assets/entry.client-*.js"
MOVE_WHEN_ASKED = """
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    history.replaceState(null, "", "%s");
  }
};
"""


class Asked:
    """What a page asks first on each of its sockets, and what it hears."""

    def __init__(self, page: Page) -> None:
        self.questions: list[str] = []
        self._new = asyncio.Event()
        self._heard = ""
        page.on("websocket", self._note_socket)

    async def until_asked(self, count: int) -> list[str]:
        """Return the questions when there are so many."""
        while len(self.questions) < count:
            self._new.clear()
            await asyncio.wait_for(self._new.wait(), SECONDS)
        return sorted(self.questions)

    async def until_heard(self, words: str) -> None:
        """Return when an answer has these words."""
        while words not in self._heard:
            self._new.clear()
            await asyncio.wait_for(self._new.wait(), SECONDS)

    def _note_socket(self, socket: WebSocket) -> None:
        socket.on("framesent", self._note_question)
        socket.on("framereceived", self._note_answer)

    def _note_question(self, frame: bytes | str) -> None:
        if isinstance(frame, str) and frame.startswith(QUESTION):
            self.questions.append(frame)
            self._new.set()

    def _note_answer(self, frame: bytes | str) -> None:
        self._heard += str(frame)
        self._new.set()


@pytest.fixture
async def tab(new_tab: NewTab) -> Tab:
    """A tab in which the app may be kept from loading."""
    opened = await new_tab()
    opened.expected.append("entry.client")
    return opened


@pytest.fixture
async def run(product: Product, login: object) -> str:
    """The address of a run that ends."""
    return await start_run(product, "scripted/hello")


async def _asked_without_the_app(tab: Tab, path: str, *, count: int) -> list[str]:
    await tab.page.route(APP, lambda route: route.abort())
    asked = Asked(tab.page)
    await tab.page.goto(f"{tab.url}{path}")
    questions = await asked.until_asked(count)
    await tab.page.unroute(APP)
    # From one address to the same with a fragment there is nothing to load.
    await tab.page.goto("about:blank")
    return questions


@pytest.mark.parametrize(
    "path",
    [
        routes.DASHBOARD,
        f"{routes.RUNS}?q=two%20words&status=failed&tags=a&tags=b#top",
        f"{routes.agent_edit_path('a')}?tab=tools",
        routes.document_path("nobody knows"),
        routes.collection_path("nobody knows"),
    ],
)
async def test_what_is_said_for_the_app_is_what_it_says(tab: Tab, path: str) -> None:
    ahead = await _asked_without_the_app(tab, path, count=1)
    asked = Asked(tab.page)

    await tab.go(path)

    assert asked.questions == ahead


async def test_page_of_a_run_asks_for_its_log_too(tab: Tab, run: str) -> None:
    ahead = await _asked_without_the_app(tab, run, count=2)
    asked = Asked(tab.page)

    await tab.go(run)

    await RunPage(tab).has_status("completed")
    assert sorted(asked.questions) == ahead
    assert "40/feed," in ahead


async def test_data_come_before_the_app(tab: Tab) -> None:
    asked = Asked(tab.page)
    await tab.page.route(APP, lambda route: route.abort())

    await tab.page.goto(f"{tab.url}{routes.DASHBOARD}")

    await asked.until_heard("dashboard_state")


async def test_app_that_says_something_else_is_heard(tab: Tab) -> None:
    asked = Asked(tab.page)
    elsewhere = f"{routes.RUNS}?q=elsewhere"
    await tab.page.add_init_script(MOVE_WHEN_ASKED % elsewhere)

    await tab.go(f"{routes.RUNS}?q=here")

    search = tab.page.get_by_role("searchbox").first
    await expect(search).to_have_value("elsewhere")
    assert [("elsewhere" in question) for question in asked.questions] == [False, True]


async def test_socket_that_closes_before_the_app_takes_it_costs_nothing(
    tab: Tab,
) -> None:
    tried: list[str] = []

    async def close_the_first(socket: WebSocketRoute) -> None:
        tried.append(socket.url)
        if len(tried) == 1:
            await socket.close()
        else:
            socket.connect_to_server()

    await tab.page.route_web_socket(lambda url: STATE_SOCKET in url, close_the_first)

    await tab.go(routes.DASHBOARD)

    assert len(tried) == 2
