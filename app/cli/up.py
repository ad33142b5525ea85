"""`atelier up`: one command that starts what the installation needs, and stops all of it again."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
import webbrowser
from enum import StrEnum
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from app.backend.core.errors import AppError
from app.backend.core.settings import PARTS_FILE, Settings
from app.cli import build, claims, parts
from app.cli.parts import Part
from app.cli.processes import Reaper
from app.cli.supervisor import Supervisor


class Only(StrEnum):
    """Parts that can run alone, as containers do."""

    WEB = "web"
    WORKER = "worker"
    SCHEDULER = "scheduler"
    RUNTIME = "runtime"


_MODULES = {
    Only.WEB: "app.cli.web",
    Only.WORKER: "app.workers.worker",
    Only.SCHEDULER: "app.workers.scheduler",
    Only.RUNTIME: "app.workers.runtime",
}
# Runs that end within this time after Ctrl-C end well; the others go on at the next start, after their last step.
CTRL_C_DRAIN_SECONDS = 3.0

app = typer.Typer(add_completion=False)


@app.command()
def up(
    port: Annotated[int | None, typer.Option(help="Port of the web UI.")] = None,
    host: Annotated[str | None, typer.Option(help="Address of the web UI.")] = None,
    runtime_port: Annotated[
        int | None, typer.Option(help="Port of the model runtime.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder for everything that is stored.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes.")] = None,
    only: Annotated[
        Only | None, typer.Option(help="Run this part alone, in the foreground.")
    ] = None,
    is_browser_wanted: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser.")
    ] = True,
) -> None:
    """Start the installation and keep it running until Ctrl-C."""
    given = {
        "ATELIER_PORT": port,
        "ATELIER_HOST": host,
        "ATELIER_RUNTIME_PORT": runtime_port,
        "ATELIER_DATA_DIR": data_dir,
        "ATELIER_WORKERS": workers,
    }
    os.environ |= {
        name: str(value) for name, value in given.items() if value is not None
    }
    try:
        if only is not None:
            _become(only)
        _supervise(is_browser_wanted=is_browser_wanted)
    except AppError as error:
        _say(error.message)
        raise typer.Exit(1) from None


def _become(only: Only) -> None:
    settings = claims.load_settings()
    if not settings.redis_url:
        message = "Part of an installation cannot run without its Redis: set ATELIER_REDIS_URL, or start the whole installation with `atelier up`."
        raise claims.CannotStart(message)
    if only is Only.WEB:
        build.ensure_built()
    command = (sys.executable, "-m", _MODULES[only])
    os.execve(command[0], command, parts.own_environment({}))  # noqa: S606 - our own interpreter


def _supervise(*, is_browser_wanted: bool) -> None:
    begun = time.monotonic()
    data_dir = claims.load_settings().data_dir.resolve()
    lock = claims.lock_folder(data_dir)
    # Where an earlier start put its parts says nothing about this one.
    (data_dir / PARTS_FILE).unlink(missing_ok=True)
    settings = claims.load_settings().model_copy(update={"data_dir": data_dir})
    claims.check_ports(settings)
    reaper = Reaper()
    try:
        asyncio.run(_run(settings, reaper, begun, is_browser_wanted=is_browser_wanted))
    finally:
        (data_dir / PARTS_FILE).unlink(missing_ok=True)
        reaper.close()
        lock.close()


async def _run(
    settings: Settings, reaper: Reaper, begun: float, *, is_browser_wanted: bool
) -> None:
    chosen = claims.choose_addresses(settings)
    supervisor = Supervisor(
        env=parts.own_environment(claims.variables(chosen)),
        logs=_make_folder(settings.data_dir / "logs"),
        reaper=reaper,
        say=_say,
    )
    _stop_on_signals(supervisor)
    with contextlib.suppress(asyncio.CancelledError):
        async with supervisor.opened():
            token = await _start_all(supervisor, settings, chosen)
            _announce(chosen, token, time.monotonic() - begun)
            if is_browser_wanted:
                _open_browser(_first_page(chosen, token))
            await supervisor.wait()


async def _start_all(
    supervisor: Supervisor, given: Settings, settings: Settings
) -> str | None:
    _say(f"Starting Atelier {version('atelier')} on {settings.data_dir}")
    await supervisor.warm_up()
    preparing = asyncio.create_task(
        supervisor.run((sys.executable, "-m", "app.cli.prepare"))
    )
    stores: list[Part] = []
    if not given.redis_url:
        stores.append(parts.valkey(settings, _port_of(settings.redis_url)))
    if not given.chroma_url:
        stores.append(parts.chroma(settings, _port_of(settings.chroma_url)))
    await supervisor.start(stores)
    claims.write_parts(settings)
    prepared = json.loads(await preparing)
    numbers = range(1, settings.workers + 1)
    await supervisor.start(
        [
            *([] if settings.runtime_url else [parts.runtime(settings)]),
            parts.web(settings),
            *(parts.worker(settings, number) for number in numbers),
            # Last: it shares what workers have in memory.
            parts.scheduler(settings),
        ]
    )
    return prepared["owner_token"]


def _stop_on_signals(supervisor: Supervisor) -> None:
    task = asyncio.current_task()
    times = count(1)

    def stop(number: int) -> None:
        match next(times):
            case 1 if task is not None:
                # Whoever presses Ctrl-C waits for the prompt; a service manager has time.
                if number == signal.SIGINT:
                    supervisor.drain_seconds_max = CTRL_C_DRAIN_SECONDS
                _say("Stopping; what runs now goes on at the next start…")
                task.cancel()
            case 2:
                _say("Stopping at once; nothing is lost. Once more to kill…")
                supervisor.hurry()
            case _:
                supervisor.kill()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)


def _announce(settings: Settings, token: str | None, seconds: float) -> None:
    _say(f"\nAtelier is ready after {seconds:.1f} s: {settings.web_address}")
    if token is not None:
        _say(
            f"Create the owner account with this link, which works once:\n  {_first_page(settings, token)}"
        )
    _say(f"Logs are in {settings.data_dir / 'logs'}. Ctrl-C stops everything.")


def _first_page(settings: Settings, token: str | None) -> str:
    return settings.web_address + (f"/first-run?token={token}" if token else "/")


def _open_browser(url: str) -> None:
    has_screen = sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & set(
        os.environ
    )
    if has_screen and "CI" not in os.environ:
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(url)


def _make_folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _port_of(url: str) -> int:
    return urlsplit(url).port or 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
