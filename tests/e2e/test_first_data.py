"""A page asks for its first data while its scripts still load, and whatever comes between costs no data."""

import asyncio

import pytest
from playwright.async_api import Page, WebSocket, WebSocketRoute, expect

from app import routes
from app.backend.runs import service as runs
from app.backend.runs.schemas import RunDraft
from tests.e2e.browser import SECONDS
from tests.e2e.conftest import NewTab
from tests.e2e.run_page import RunPage
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of

STATE_SOCKET = "/_event/?token="
QUESTION = "40/_event,"
DATA = "dashboard_state"
MOVE_WHEN_ASKED = """
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    history.replaceState(null, "", "%s");
  }
};
"""


class Asked:
    """What the sockets of a page's state were asked first, and whether the dashboard's data came."""

    def __init__(self, page: Page) -> None:
        self.sockets = 0
        self.questions: list[str] = []
        self.has_come = asyncio.Event()
        page.on("websocket", self._note_socket)

    def _note_socket(self, socket: WebSocket) -> None:
        if STATE_SOCKET in socket.url:
            self.sockets += 1
            socket.on("framesent", self._note_frame)
            socket.on("framereceived", self._note_answer)

    def _note_frame(self, frame: bytes | str) -> None:
        if isinstance(frame, str) and frame.startswith(QUESTION):
            self.questions.append(frame)

    def _note_answer(self, frame: bytes | str) -> None:
        if DATA in str(frame):
            self.has_come.set()


@pytest.mark.parametrize(
    "path",
    [
        routes.DASHBOARD,
        f"{routes.RUNS}?q=two%20words&status=failed&tags=a&tags=b#top",
        routes.run_path("nobody knows"),
        f"{routes.agent_edit_path('a')}?tab=tools",
        routes.document_path("nobody knows"),
    ],
)
async def test_what_is_said_for_the_app_is_what_it_says(
    new_tab: NewTab, path: str
) -> None:
    tab = await new_tab()
    asked = Asked(tab.page)

    await tab.go(path)

    assert asked.sockets == 1
    assert len(asked.questions) == 1


async def test_page_of_a_run_asks_for_its_log_too(
    new_tab: NewTab, product: Product
) -> None:
    async with parts_of(product) as (services, owner):
        agent = await RowFactory(services.db).agent(owner, model="scripted/hello")
        async with services.db.transaction() as session:
            run = await runs.start_run(
                session,
                owner,
                agent_id=agent.id,
                draft=RunDraft(input={"query": "Is it so?"}),
                parts=services,
            )
    tab = await new_tab()
    asked: list[str] = []
    tab.page.on(
        "websocket",
        lambda socket: socket.on(
            "framesent", lambda frame: asked.append(str(frame).partition(",")[0])
        ),
    )

    await tab.go(routes.run_path(run.id))

    await RunPage(tab).has_status("completed")
    assert sorted(asked[:2]) == ["40/_event", "40/feed"]
    assert [words for words in asked[2:] if words.startswith("40")] == []


async def test_data_are_asked_for_before_the_app_has_loaded(new_tab: NewTab) -> None:
    tab = await new_tab()
    asked = Asked(tab.page)
    await tab.page.route("**/assets/entry.client-*.js", lambda route: route.abort())
    tab.expected.append("entry.client")

    await tab.page.goto(f"{tab.url}{routes.DASHBOARD}")

    await asyncio.wait_for(asked.has_come.wait(), SECONDS)
    assert len(asked.questions) == 1


async def test_app_that_says_something_else_is_heard(new_tab: NewTab) -> None:
    tab = await new_tab()
    asked = Asked(tab.page)
    elsewhere = f"{routes.RUNS}?q=elsewhere"
    await tab.page.add_init_script(MOVE_WHEN_ASKED % elsewhere)

    await tab.go(f"{routes.RUNS}?q=here")

    search = tab.page.get_by_role("searchbox").first
    await expect(search).to_have_value("elsewhere")
    assert [("elsewhere" in question) for question in asked.questions] == [False, True]
    assert asked.sockets == 2


async def test_socket_that_closes_before_the_app_takes_it_costs_nothing(
    new_tab: NewTab,
) -> None:
    tab = await new_tab()
    tried: list[str] = []

    async def close_the_first(socket: WebSocketRoute) -> None:
        tried.append(socket.url)
        if len(tried) == 1:
            await socket.close()
        else:
            socket.connect_to_server()

    await tab.page.route_web_socket(lambda url: STATE_SOCKET in url, close_the_first)

    await tab.go(routes.DASHBOARD)

    await tab.page.get_by_text("Document Q&A").first.wait_for()
    assert len(tried) == 2
