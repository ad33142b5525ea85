"""GGUF files that somebody has added to this machine: where they are, what they are, and how fast they are here.

One JSON file in the data folder says so; the runtime, the commands and the pages read it. A file that was added by its
path stays where it is. One that was fetched lies beside the JSON, and is deleted with its entry.
"""

import fcntl
import re
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from app.backend.core import clock
from app.backend.core.errors import AppError, Conflict, Invalid, NotFound
from app.backend.models.download import (
    Report,
    download,
    hash_file,
    is_hash,
    need_hash,
    reading,
    shown,
    to_nobody,
    writing,
)
from app.backend.providers import gguf

logger = structlog.get_logger(__name__)

_FETCHED = "fetched-"
# One that is fetched grows all the time: a service that says nothing for a minute is given up.
_LEFT_SECONDS = 3600
_NO_NAME = re.compile(r"[^a-z0-9._\-]+")


class LocalFile(BaseModel):
    """A model file on this machine; `reason` is why the runtime cannot load it, empty when it can.

    `source` is the URL that it was fetched from, without what may be secret in it, or empty. The speed is in tokens a
    second, as measured here.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    path: str
    size: int
    sha256: str
    architecture: str = ""
    context: int | None = None
    licence: str = ""
    source: str = ""
    tokens_per_second: float | None = None
    reason: str = ""


class CatalogueUnreadable(AppError):
    """The JSON that says which files there are is none of ours, so it is left alone."""

    code = "CATALOGUE_UNREADABLE"
    status = 503


class BeingMeasured(Conflict):
    """A model is measured on this machine, and a second one beside it would make both slow."""

    def __init__(self) -> None:
        super().__init__(
            "Another model is measured just now. Measure this one when that is done."
        )


class _Catalogue(BaseModel):
    """What the JSON holds: the files, and the same of the model that the runtime has without any."""

    files: list[LocalFile] = []
    own_tokens_per_second: float | None = None
    own_reason: str = ""


class Shelf:
    """The files of one installation; `own_name` is the model that its runtime has without any."""

    def __init__(self, data_dir: Path, *, own_name: str) -> None:
        self.own_name = own_name
        self._folder = data_dir / "models"
        self._index = self._folder / "catalogue.json"

    @property
    def own_trial(self) -> tuple[float | None, str]:
        """Tokens a second of the runtime's own model, as measured here, and why it cannot be loaded."""
        kept = self._read_or_none()
        return kept.own_tokens_per_second, kept.own_reason

    def list(self) -> list[LocalFile]:
        """Return all files, by name."""
        return sorted(self._read_or_none().files, key=lambda one: one.name)

    def find(self, name: str) -> LocalFile | None:
        """Return the file of that name."""
        return next((one for one in self.list() if one.name == name), None)

    def add_path(self, path: Path, *, sha256: str = "", licence: str = "") -> LocalFile:
        """Add a file where it is; raises what `read_path` and `put` do."""
        file = self.read_path(path, sha256=sha256, licence=licence)
        self.put(file)
        return file

    def fetch(
        self, url: str, *, sha256: str, report: Report, licence: str = ""
    ) -> LocalFile:
        """Fetch a file by its URL and add it; raises what `download` and `put` do."""
        file = self.download(url, sha256=sha256, report=report, licence=licence)
        try:
            self.put(file)
        except BaseException:
            self.discard(file)
            raise
        return file

    def read_path(
        self,
        path: Path,
        *,
        sha256: str = "",
        licence: str = "",
        report: Report = to_nobody,
    ) -> LocalFile:
        """Return what a file is that can be put here and stays where it is; with `sha256` only if that is its hash.

        Raises:
            Invalid: it is not there, no GGUF model, another one than the hash says, or cannot have its name.
            CatalogueUnreadable: nothing can be added to what is there.
        """
        path = path.resolve()
        with reading(path):
            if not path.is_file():
                raise Invalid.field("source", f"{str(path)!r} is not a file.")
            file = _look_at(path)
            # Told before gigabytes are read.
            self._need_free(file.name, self._read())
            found = hash_file(path, report)
        need_hash(found, sha256)
        known = {"sha256": found, "licence": licence or file.licence}
        return file.model_copy(update=known)

    def download(
        self, url: str, *, sha256: str, report: Report, licence: str = ""
    ) -> LocalFile:
        """Fetch a file by its URL, check its hash, and return what it is; it can then be put here, or discarded.

        Raises:
            Invalid: it cannot be fetched, is not the one that the hash says, or cannot have its name.
            CatalogueUnreadable: nothing can be added to what is there.
        """
        if not is_hash(sha256):
            message = "Give the SHA-256 of the file, 64 hexadecimal digits, so that it is the one you mean."
            raise Invalid.field("sha256", message)
        name = _file_of(url)
        # Told before gigabytes have come.
        self._need_free(_name_of(name), self._read())
        with writing(self._folder):
            self._clear_up()
            place = Path(tempfile.mkdtemp(dir=self._folder, prefix=_FETCHED))
            try:
                download(url, place / name, sha256, report)
                file = _look_at((place / name).resolve())
            except BaseException:
                shutil.rmtree(place, ignore_errors=True)
                raise
        known = {"sha256": sha256.lower(), "source": shown(url)}
        return file.model_copy(update={**known, "licence": licence or file.licence})

    def put(self, file: LocalFile) -> None:
        """Add a file that was read or fetched.

        Raises:
            Invalid: another one has its name by now.
            CatalogueUnreadable: nothing can be added to what is there.
        """
        with writing(self._folder), self._changing() as kept:
            self._need_free(file.name, kept)
            kept.files.append(file)

    def discard(self, file: LocalFile) -> None:
        """Delete what was fetched of a file that is not here."""
        if file.source:
            path = Path(file.path)
            path.unlink(missing_ok=True)
            with suppress(OSError):
                path.parent.rmdir()

    def note_trial(
        self, name: str, *, tokens_per_second: float | None, reason: str
    ) -> None:
        """Keep how fast a model is here, or why it cannot be loaded.

        Raises:
            NotFound: there is none of that name.
        """
        with self._changing() as kept:
            if _plain(name) == self.own_name:
                kept.own_tokens_per_second = tokens_per_second
                kept.own_reason = reason
                return
            place = _place_of(kept.files, name)
            kept.files[place] = kept.files[place].model_copy(
                update={"tokens_per_second": tokens_per_second, "reason": reason}
            )

    def delete(self, name: str) -> LocalFile:
        """Take a file out; one that was fetched is deleted from the disk.

        Raises:
            NotFound: there is none of that name.
        """
        with self._changing() as kept:
            file = kept.files.pop(_place_of(kept.files, name))
        self.discard(file)
        return file

    @contextmanager
    def measuring(self) -> Generator[None, None, None]:
        """Be the only one that measures a model of this machine.

        Raises:
            BeingMeasured: somebody else is, in this process or in another one.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".measuring").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BeingMeasured from None
            yield

    def _need_free(self, name: str, kept: _Catalogue) -> None:
        if not name:
            message = "The file's name has no letter from a to z and no digit to call the model by. Rename the file."
            raise Invalid.field("source", message)
        if name in {self.own_name, *(one.name for one in kept.files)}:
            message = (
                f"There is a model local/{name} already. Delete it, or rename the file."
            )
            raise Invalid.field("source", message)

    def _clear_up(self) -> None:
        """Delete what fetches have left that were killed."""
        with self._locked():
            kept = {Path(one.path).parent for one in self._read().files}
            for place in self._folder.glob(f"{_FETCHED}*"):
                if place.resolve() not in kept and _is_left(place):
                    shutil.rmtree(place, ignore_errors=True)

    @contextmanager
    def _changing(self) -> Generator[_Catalogue, None, None]:
        with self._locked():
            kept = self._read()
            yield kept
            fresh = self._index.with_suffix(".new")
            fresh.write_text(kept.model_dump_json(indent=2))
            fresh.replace(self._index)

    @contextmanager
    def _locked(self) -> Generator[None, None, None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> _Catalogue:
        try:
            return _Catalogue.model_validate_json(self._index.read_bytes())
        except FileNotFoundError:
            return _Catalogue()
        except ValidationError:
            message = f"The list of model files cannot be read, so it is not changed. Correct {str(self._index)!r}, or move it away and add the files again."
            raise CatalogueUnreadable(message) from None

    def _read_or_none(self) -> _Catalogue:
        """Return what the JSON holds; the runtime's own model is there without it."""
        try:
            return self._read()
        except CatalogueUnreadable as error:
            logger.warning("catalogue_unreadable", error=error.message)
            return _Catalogue()


def _look_at(path: Path) -> LocalFile:
    try:
        known = gguf.read(path)
    except gguf.NotGguf as error:
        raise Invalid.field("source", f"{error} Add a GGUF model.") from None
    return LocalFile(
        name=_name_of(path.name),
        path=str(path),
        size=path.stat().st_size,
        sha256="",
        architecture=known.architecture,
        context=known.context_length,
        licence=str(known.values.get("general.license", "")),
    )


def _file_of(url: str) -> str:
    try:
        path = unquote(urlsplit(url).path)
    except ValueError as error:
        message = f"{url!r} is no address ({error}). Correct it."
        raise Invalid.field("source", message) from None
    return Path(path).name or "model.gguf"


def _is_left(place: Path) -> bool:
    """Tell whether nobody fetches to `place` any more."""
    try:
        changed = max(one.stat().st_mtime for one in (place, *place.iterdir()))
    except OSError:
        return False
    return changed < clock.now().timestamp() - _LEFT_SECONDS


def _place_of(files: list[LocalFile], name: str) -> int:
    wanted = _plain(name)
    for place, file in enumerate(files):
        if file.name == wanted:
            return place
    raise NotFound("local model", name)


def _plain(name: str) -> str:
    return name.removeprefix("local/")


def _name_of(file: str) -> str:
    return _NO_NAME.sub("-", Path(file).stem.lower()).strip("-._")
