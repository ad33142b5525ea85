"""Model files as administrators add them while Atelier runs."""

from collections.abc import Iterator
from contextlib import aclosing
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from typing_extensions import override

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.errors import Forbidden
from app.backend.core.settings import Settings
from app.backend.models import local, shelving
from app.backend.models.files import CHAT
from app.backend.models.local import LocalView
from app.backend.models.shelving import FileDraft
from tests.factories.model_files import NAME, copy_model


@pytest.fixture
def file(settings: Settings, tmp_path: Path) -> Path:
    """A model file that nobody has added yet."""
    return copy_model(settings, tmp_path)


@pytest.fixture
def half_url(file: Path) -> Iterator[str]:
    """A server on loopback that gives the first half of the file, and keeps who asks waiting for the other one."""
    whole, is_over = file.read_bytes(), Event()

    class Half(SimpleHTTPRequestHandler):
        @override
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(whole)))
            self.end_headers()
            self.wfile.write(whole[: len(whole) // 2])
            self.wfile.flush()
            is_over.wait(30)

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Half)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{file.name}"
    is_over.set()
    server.shutdown()
    thread.join()
    server.server_close()


async def test_fetch_that_nobody_waits_for_ends_and_leaves_nothing(
    services: Services, actor: Actor, half_url: str
) -> None:
    draft = FileDraft(source=half_url, sha256=CHAT.sha256)
    steps = shelving.add_file(actor, draft=draft, settings=services.settings)

    async with aclosing(steps):
        step = await anext(steps)
        assert not isinstance(step, LocalView)
        assert (step.status, step.total) == (shelving.FETCHING, CHAT.size)

    assert local.open_shelf(services.settings).list() == []


async def test_user_adds_measures_and_deletes_none(
    services: Services, other_actor: Actor, file: Path
) -> None:
    draft, settings = FileDraft(source=str(file)), services.settings

    with pytest.raises(Forbidden):
        await anext(shelving.add_file(other_actor, draft=draft, settings=settings))
    with pytest.raises(Forbidden):
        await shelving.measure_file(other_actor, name=NAME, settings=settings)
    async with services.db.transaction() as session:
        with pytest.raises(Forbidden):
            shelving.delete_file(session, other_actor, name=NAME, settings=settings)
