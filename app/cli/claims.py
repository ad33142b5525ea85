"""What `atelier up` claims on a machine: a data folder, ports, and the file that says where its parts are."""

import fcntl
import json
import os
import socket
import time
from pathlib import Path
from typing import TextIO

from pydantic import ValidationError
from pydantic_settings import SettingsError

from app.backend.core.errors import AppError
from app.backend.core.settings import PARTS_FILE, Settings
from app.cli import parts

_LOCK_FILE = "up.lock"
_LOCK_SECONDS = 12.0
_PORT_MAX = 65536


class CannotStart(AppError):
    """`up` cannot begin; the message names the option to change."""

    code = "CANNOT_START"


def load_settings() -> Settings:
    """Return the settings as they are now; unlike `settings.load` it reads them again."""
    try:
        return Settings()  # pyright: ignore[reportCallIssue] - pydantic fills the fields
    except ValidationError as error:
        wrong = (
            f"{''.join(f'ATELIER_{str(name).upper()}: ' for name in item['loc'][:1])}"
            f"{item['msg'].removeprefix('Value error, ')}."
            for item in error.errors()
        )
        message = (
            f"Some settings are wrong, see docs/configuration.md. {' '.join(wrong)}"
        )
        raise CannotStart(message) from None
    except SettingsError as error:
        # Not its cause, which would show the value.
        message = f"A setting cannot be read, see docs/configuration.md: {error}."
        raise CannotStart(message) from None


def lock_folder(data_dir: Path) -> TextIO:
    """Take the lock that allows one `up` per data folder; also shows that the folder is writable."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (data_dir / _LOCK_FILE).open("a+")
    except OSError as error:
        message = f"The data folder {str(data_dir)!r} cannot be written ({error.strerror}). Make it writable for this user, or choose another: atelier up --data-dir FOLDER."
        raise CannotStart(message) from error
    end = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            # A supervisor that was killed leaves the lock with its reaper for some seconds.
            if _is_running(holder) or time.monotonic() > end:
                lock.close()
                message = f"Atelier already runs on {str(data_dir)!r} (process {holder}). Stop it first, or start a second installation with another --data-dir, --port and --runtime-port."
                raise CannotStart(message) from None
            time.sleep(0.2)
        else:
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            return lock


def check_ports(settings: Settings) -> None:
    """Refuse ports that somebody else uses."""
    wanted = [("--port", settings.host, settings.port)]
    if not settings.runtime_url:
        wanted.append(("--runtime-port", settings.runtime_host, settings.runtime_port))
    for option, host, port in wanted:
        reason = _why_taken(host, port)
        if reason:
            other = _another_port(host, port)
            message = f'Port {port} on {host} cannot be used ({reason}). Choose another: atelier up {option} {other} (make up ARGS="{option} {other}").'
            raise CannotStart(message)


def _why_taken(host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _another_port(host: str, port: int) -> int:
    near = range(port + 10, min(port + 110, _PORT_MAX), 10)
    free = (other for other in near if not _why_taken(host, other))
    return next(free, 0) or parts.free_port()


def choose_addresses(settings: Settings) -> Settings:
    """Return the settings with the addresses of the bundled parts filled in."""
    chosen: dict[str, str] = {}
    if not settings.redis_url:
        chosen["redis_url"] = parts.valkey_url(settings, parts.free_port())
    if not settings.chroma_url:
        chosen["chroma_url"] = f"http://127.0.0.1:{parts.free_port()}"
    return settings.model_copy(update=chosen)


def variables(settings: Settings) -> dict[str, str]:
    """Return what the parts must find in their environment."""
    # The rest comes to the parts as it came to us: by the environment and `.env`.
    return {
        "ATELIER_DATA_DIR": str(settings.data_dir),
        "ATELIER_REDIS_URL": settings.redis_url,
        "ATELIER_CHROMA_URL": settings.chroma_url,
    }


def write_parts(settings: Settings) -> None:
    """Tell every other command of this installation where the running parts are."""
    told = settings.model_dump(
        mode="json",
        include={
            "redis_url",
            "chroma_url",
            "host",
            "port",
            "runtime_host",
            "runtime_port",
        },
    )
    path = settings.data_dir / PARTS_FILE
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(told))
    temporary.rename(path)


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
