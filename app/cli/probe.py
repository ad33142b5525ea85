"""Tells by its exit code whether a part of this installation is well; health checks of containers run it."""

import asyncio
import sys

from app.backend.core.errors import AppError
from app.cli import claims, parts
from app.cli.parts import Probe
from app.cli.up import Only


def main() -> None:
    """Probe the part that the first argument names."""
    try:
        only = Only(sys.argv[1])
        is_well = asyncio.run(_probe_of(only)(parts.ANY_PID))
    except (AppError, IndexError, ValueError) as error:
        sys.exit(f"{error} Say one of: {', '.join(Only)}.")
    sys.exit(0 if is_well else f"{only} is not well.")


def _probe_of(only: Only) -> Probe:
    settings = claims.load_settings()
    makers = {
        Only.WEB: lambda: parts.web(settings),
        Only.WORKER: lambda: parts.worker(settings, 1),
        Only.SCHEDULER: lambda: parts.scheduler(settings),
        Only.RUNTIME: lambda: parts.runtime(settings),
    }
    return makers[only]().is_ready


if __name__ == "__main__":
    main()
