"""The floor of what the browser shows: an almost empty Reflex app, built and served as Reflex itself does."""

import os
import sys
import sysconfig
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.parts import Part, free_port

BUILD_SECONDS = 180
CONFIG = """
import reflex as rx
config = rx.Config(
    app_name="floor", telemetry_enabled=False, show_built_with_reflex=False,
    plugins=[rx.plugins.TailwindV4Plugin()], disable_plugins=[rx.plugins.SitemapPlugin],
)
"""
# One heading that comes with the page's first data, and one form whose answer is said at once.
APP = """
import reflex as rx


class Floor(rx.State):
    title: str = ""
    said: str = ""

    @rx.event
    async def load(self):
        self.title = "Floor"

    @rx.event
    async def ask(self, form: dict):
        self.said = form["query"]


def index():
    return rx.el.main(
        rx.cond(Floor.title != "", rx.el.h1(Floor.title), rx.el.div(class_name="skeleton")),
        rx.el.form(
            rx.el.textarea(id="query", name="query", aria_label="Ask"), rx.el.button("Run", type="submit"),
            on_submit=Floor.ask, reset_on_submit=False,
        ),
        rx.el.p(Floor.said, custom_attrs={"data-testid": "answer-text"}),
    )


app = rx.App()
app.add_page(index, on_load=Floor.load)
"""


@contextmanager
def bare_reflex() -> Generator[str, None, None]:
    """Build and serve the app in a temporary folder; yields its URL."""
    with tempfile.TemporaryDirectory(prefix="atelier-floor-") as name:
        folder = Path(name)
        (folder / "floor").mkdir()
        (folder / "floor" / "__init__.py").touch()
        (folder / "floor" / "floor.py").write_text(APP)
        (folder / "rxconfig.py").write_text(CONFIG)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "reflex", "run", "--env", "prod"]
        part = Part(
            [*command, "--single-port", "--backend-port", str(port)],
            log=folder / "reflex.log",
            is_ready=lambda: _answers(url),
            environment={
                "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
                "REFLEX_CHECK_LATEST_VERSION": "false",
            },
            cwd=folder,
            seconds=BUILD_SECONDS,
        ).start()
        try:
            yield url
        finally:
            part.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False
