"""Model files as administrators add them while Atelier runs."""

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, asynccontextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from typing_extensions import override

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Forbidden
from app.backend.core.settings import Settings
from app.backend.identity.audit_log import AuditFilter, list_audit
from app.backend.models import local, local_trial, shelving
from app.backend.models.files import CHAT
from app.backend.models.local import LocalView
from app.backend.models.preparing import FETCHING, READING, FileDraft
from app.backend.providers.handler import PullProgress
from tests.factories.model_files import NAME, copy_model, serve_folder

Steps = AsyncGenerator[PullProgress | LocalView, None]


@pytest.fixture
def file(settings: Settings, tmp_path: Path) -> Path:
    """A model file that nobody has added yet."""
    return copy_model(settings, tmp_path)


@pytest.fixture
def url(file: Path) -> Generator[str, None, None]:
    """Where a server on loopback gives the file."""
    with serve_folder(file.parent) as address:
        yield f"{address}/{file.name}"


@pytest.fixture
def half_url(file: Path) -> Generator[str, None, None]:
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

    async with aclosing(adding(services, actor, draft)) as steps:
        async for step in steps:
            assert isinstance(step, PullProgress)
            assert step.status == FETCHING
            if step.total == CHAT.size:
                break

    assert local.open_shelf(services.settings).list() == []


async def steps_until(steps: Steps, status: str) -> None:
    """Ask until the work is at that step."""
    async for step in steps:
        if isinstance(step, PullProgress) and step.status == status:
            return


@pytest.mark.parametrize("status", [READING, shelving.MEASURING])
async def test_file_that_nobody_waits_for_is_not_kept(
    services: Services, actor: Actor, file: Path, status: str
) -> None:
    draft = FileDraft(source=str(file))

    async with aclosing(adding(services, actor, draft)) as steps:
        await steps_until(steps, status)

    assert local.open_shelf(services.settings).list() == []
    assert await audited(services, actor) == []


async def test_fetched_file_that_nobody_waits_for_is_deleted(
    services: Services, actor: Actor, url: str
) -> None:
    draft = FileDraft(source=url, sha256=CHAT.sha256)

    async with aclosing(adding(services, actor, draft)) as steps:
        await steps_until(steps, shelving.MEASURING)

    assert local.open_shelf(services.settings).list() == []
    assert not list((services.settings.data_dir / "models").rglob("*.gguf"))


async def test_file_whose_measuring_fails_is_kept_and_in_the_audit(
    services: Services, actor: Actor, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(local_trial, "try_out", fail)
    steps = adding(services, actor, FileDraft(source=str(file)))

    with pytest.raises(OSError):  # noqa: PT011 - the one of this test
        async for _ in steps:
            pass

    assert [one.name for one in local.open_shelf(services.settings).list()] == [NAME]
    assert await audited(services, actor) == [f"local/{NAME}"]


async def test_file_is_added_while_another_one_is_measured(
    services: Services, actor: Actor, file: Path
) -> None:
    with local.open_shelf(services.settings).measuring():
        steps = adding(services, actor, FileDraft(source=str(file)))
        *_, last = [step async for step in steps]

    assert isinstance(last, LocalView)
    assert (last.name, last.tokens_per_second) == (f"local/{NAME}", None)


async def test_file_that_cannot_be_put_into_the_audit_is_not_kept(
    services: Services, actor: Actor, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def fail() -> AsyncGenerator[Session, None]:
        async with open_transaction() as session:
            yield session
            message = "no commit"
            raise OSError(message)

    open_transaction = services.db.transaction
    monkeypatch.setattr(services.db, "transaction", fail)
    steps = adding(services, actor, FileDraft(source=url, sha256=CHAT.sha256))

    with pytest.raises(OSError, match="no commit"):
        async for _ in steps:
            pass

    assert local.open_shelf(services.settings).list() == []
    assert not list((services.settings.data_dir / "models").rglob("*.gguf"))


async def audited(services: Services, actor: Actor) -> list[str]:
    async with services.db.read() as session:
        page = await list_audit(session, actor, wanted=AuditFilter())
    return [
        one.detail["name"] for one in page.items if one.object_kind == shelving.KIND
    ]


def adding(services: Services, actor: Actor, draft: FileDraft) -> Steps:
    return shelving.add_file(
        actor, draft=draft, settings=services.settings, db=services.db
    )


async def test_user_adds_measures_and_deletes_none(
    services: Services, other_actor: Actor, file: Path
) -> None:
    draft, settings = FileDraft(source=str(file)), services.settings

    with pytest.raises(Forbidden):
        await anext(adding(services, other_actor, draft))
    with pytest.raises(Forbidden):
        await shelving.measure_file(other_actor, name=NAME, settings=settings)
    async with services.db.transaction() as session:
        with pytest.raises(Forbidden):
            shelving.delete_file(session, other_actor, name=NAME, settings=settings)
