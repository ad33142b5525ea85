"""The master keys of an installation: they wrap the keys of its users, and nothing else."""

import fcntl
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.backend.core import private_files
from app.backend.core.errors import AppError, Conflict
from app.backend.core.settings import Settings

KEY_FILE = "field.key"


class MasterKeyMissing(AppError):
    """What is stored was wrapped by a master key that is not here."""

    code = "MASTER_KEY_MISSING"
    status = 500

    def __init__(self) -> None:
        super().__init__(
            f"What is stored cannot be read with this installation's master key. Restore {KEY_FILE}, or put the former key behind the new one in ATELIER_FIELD_ENCRYPTION_KEY."
        )


class MasterKeys:
    """The keys that may open what is wrapped; the first one wraps.

    They stand in a setting or in a file, which is read anew each time, since another process may rotate them. An
    installation that shares only `ATELIER_SECRET_KEY` among its hosts wraps with `former`, which is derived from it and
    opens last.
    """

    def __init__(
        self, keys: Sequence[str], *, former: str, path: Path | None = None
    ) -> None:
        self._given = tuple(keys)
        self._former = former
        self.path = path

    @classmethod
    def load(cls, settings: Settings, *, former: str) -> "MasterKeys":
        """Return those of the installation; makes the file (mode 0600) on first use."""
        if keys := settings.master_keys:
            return cls(keys, former=former)
        path = settings.data_dir / KEY_FILE
        if settings.secret_key is not None and not path.exists():
            return cls([], former=former)
        if not path.exists():
            private_files.write_once(path, new_key())
        return cls([], former=former, path=path)

    @property
    def keys(self) -> list[str]:
        """The keys, newest first."""
        stored = self.path.read_text().split() if self.path is not None else []
        return [*self._given, *stored, self._former]

    def wrap(self, key: bytes) -> str:
        """Return `key` encrypted with the newest master key (Fernet)."""
        return self._fernet().encrypt(key).decode()

    def unwrap(self, wrapped: str) -> bytes:
        """Return the key that `wrap` was given.

        Raises:
            MasterKeyMissing: no master key that is here opens it.
        """
        try:
            return self._fernet().decrypt(wrapped)
        except InvalidToken:
            raise MasterKeyMissing from None

    def is_newest(self, wrapped: str) -> bool:
        """Tell whether the newest master key opens it."""
        try:
            Fernet(self.keys[0]).decrypt(wrapped)
        except InvalidToken:
            return False
        return True

    @property
    def is_derived(self) -> bool:
        """Whether they have neither a setting nor a file."""
        return not self._given and self.path is None

    @property
    def has_former_in_file(self) -> bool:
        """Whether a rotation has begun and not ended."""
        return len(self._in_file()) > 1

    @contextmanager
    def rotating(self) -> Generator[None, None, None]:
        """Keep other rotations of the same file away; those of a setting do not disturb each other.

        Raises:
            Conflict: one is running.
        """
        if self.path is None:
            yield
            return
        # Not the file itself, which is replaced. The lock of who is killed ends with them.
        with self.path.with_suffix(".lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                message = (
                    "The master key is being rotated already. Wait until it has ended."
                )
                raise Conflict(message) from None
            yield

    def add_to_file(self) -> None:
        """Put a new key before those in the file; from then on all processes wrap with it."""
        self._write([new_key(), *self._in_file()])

    def keep_in_file(self, key: str) -> None:
        """Forget all keys in the file but the newest, which is `key`.

        Raises:
            Conflict: there is a newer one, with which somebody has wrapped meanwhile.
        """
        if self._in_file()[0] != key:
            message = "There is a newer master key than the one of this rotation. No key was forgotten; rotate again."
            raise Conflict(message)
        self._write([key])

    def _in_file(self) -> list[str]:
        return self._need_path().read_text().split()

    def _write(self, keys: Sequence[str]) -> None:
        private_files.replace(self._need_path(), "\n".join(keys))

    def _need_path(self) -> Path:
        if self.path is None:
            message = "The master key is not in a file."
            raise ValueError(message)
        return self.path

    def _fernet(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self.keys])


def new_key() -> str:
    """Return a fresh master key."""
    return Fernet.generate_key().decode()
