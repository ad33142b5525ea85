"""Serves the built front end, the API and the sockets on one port: granian, one process, no Node."""

import functools
import inspect
import os
import sys

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from app.backend.core import settings
from app.backend.core.project import PROJECT
from app.cli import build

_STOP_SECONDS = 5


def main() -> None:
    """Serve until a signal comes."""
    loaded = settings.load()
    os.environ.update(
        build.environment()
        | {
            # What `reflex run` sets for its own production server; the names are Reflex's.
            "REFLEX_ENV_MODE": "prod",
            "REFLEX_BACKEND_ONLY": "true",
            "__REFLEX_SKIP_COMPILE": "true",
            "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
            "REFLEX_REDIS_URL": loaded.redis_url,
        }
    )
    # rxconfig.py lies beside the package, or inside it in a wheel.
    sys.path.insert(0, str(PROJECT))
    # For each of our widgets Reflex asks for the stack, with source lines that it does not use: 2.5 s of the start.
    inspect.stack = functools.partial(inspect.stack, 0)
    Server(
        "app.app:app",
        factory=True,
        interface=Interfaces.ASGI,
        address=loaded.host,
        port=loaded.port,
        websockets=True,
        log_level=LogLevels.warning,
        workers_kill_timeout=_STOP_SECONDS,
    ).serve()


if __name__ == "__main__":
    main()
