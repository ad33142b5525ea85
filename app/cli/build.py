"""Builds the front end once per content hash of what shapes it, and serves that without Node or bun."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import typer

from app.backend.core.errors import AppError
from app.backend.core.project import IS_CHECKOUT, PROJECT

_PACKAGE = Path(__file__).resolve().parents[1]
_SUFFIXES = {".py", ".jsx", ".js", ".css", ".svg", ".png", ".ico", ".woff2", ".json"}
_NOT_FRONT_END = {"cli", "workers", "_project", "__pycache__"}
_STAMP = "atelier-key"
_LOG_LINES = 15

OFFLINE = {
    "REFLEX_CHECK_LATEST_VERSION": "false",
    "REFLEX_TELEMETRY_ENABLED": "false",
}


class BuildFailed(AppError):
    """The front end could not be built."""

    code = "BUILD_FAILED"
    status = 500


app = typer.Typer(add_completion=False)


@app.command("build")
def build_front_end() -> None:
    """Build the front end once per version of its sources; the first time needs the npm registry."""
    try:
        is_new = ensure_built()
    except AppError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(1) from None
    typer.echo("The front end is built." if is_new else "The front end is up to date.")


def build_folder() -> Path:
    """Return where the front end is built: in the checkout, or in the user's cache for a wheel."""
    return PROJECT / ".build" if IS_CHECKOUT else _cache() / "front-end"


def web_folder() -> Path:
    """Return Reflex's working folder; what browsers get lies below it."""
    return build_folder() / "web"


def is_built() -> bool:
    """Tell whether the front end of these very sources is there."""
    return _stamp() == build_key()


def build_key() -> str:
    """Return the hash of all sources and versions that shape the front end."""
    digest = hashlib.sha256(sys.version.encode())
    for name, version in sorted(_versions()):
        digest.update(f"{name}={version}\n".encode())
    for name, path in sorted(_sources()):
        digest.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def ensure_built() -> bool:
    """Build the front end unless it is there; tells whether it had to. Others who ask meanwhile wait.

    Raises:
        BuildFailed: with the last lines of the build's log.
    """
    key = build_key()
    # Where it is there already, as in the image, nothing has to be writable.
    if _stamp() == key:
        return False
    folder = build_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        message = f"The front end cannot be built in {str(folder)!r} ({error.strerror}). Make that folder writable."
        raise BuildFailed(message) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _stamp() == key:
            return False
        _export(_workspace(folder), folder / "build.log")
        # Reflex empties `build` first, so a build that was killed leaves no stamp.
        (web_folder() / "build" / _STAMP).write_text(key)
        return True


def environment() -> dict[str, str]:
    """Return what Reflex must find in its environment to build and to serve from our folder."""
    scripts = sysconfig.get_path("scripts")
    return {
        **OFFLINE,
        "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "REFLEX_WEB_WORKDIR": str(web_folder()),
        "REFLEX_STATES_WORKDIR": str(build_folder() / "states"),
    }


def _stamp() -> str:
    stamp = web_folder() / "build" / _STAMP
    return stamp.read_text() if stamp.is_file() else ""


def _export(workspace: Path, log: Path) -> None:
    command = [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip"]
    with log.open("w") as output:
        done = subprocess.run(  # noqa: S603 - our own interpreter and fixed words
            command,
            cwd=workspace,
            env={**os.environ, **environment(), "PYTHONPATH": str(_PACKAGE.parent)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])
        message = f"The front end could not be built. The first build needs the npm registry; the whole log is {log}. Its end:\n{tail}"
        raise BuildFailed(message)


def _workspace(folder: Path) -> Path:
    # Reflex writes beside rxconfig.py; an installed package is not the place for that.
    if IS_CHECKOUT:
        return PROJECT
    workspace = folder / "project"
    shutil.copytree(PROJECT / "assets", workspace / "assets", dirs_exist_ok=True)
    shutil.copy(PROJECT / "rxconfig.py", workspace / "rxconfig.py")
    return workspace


def _sources() -> Iterator[tuple[str, Path]]:
    yield "rxconfig.py", PROJECT / "rxconfig.py"
    for top, name in ((PROJECT / "assets", "assets"), (_PACKAGE, "app")):
        for path in top.rglob("*"):
            inside = path.relative_to(top)
            if (
                path.suffix in _SUFFIXES
                and path.is_file()
                and inside.parts[0] not in _NOT_FRONT_END
                and not (name == "assets" and inside.parts[0] == "external")
            ):
                yield f"{name}/{inside}", path


def _versions() -> Iterator[tuple[str, str]]:
    for distribution in distributions():
        if distribution.name.startswith("reflex"):
            yield distribution.name, distribution.version


def _cache() -> Path:
    return Path.home() / ".cache" / "atelier"
