"""The installation's key, and what is derived from it."""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from app.backend.core.errors import AppError
from app.backend.core.settings import Settings

KEY_FILE = "secret.key"


class Keyring:
    """Derives one key per purpose from the installation's secret (HMAC-SHA256)."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes that only this installation can compute for `purpose`."""
        return hmac.digest(self._secret, purpose.encode(), "sha256")

    def token(self, purpose: str) -> str:
        """Return the derived key as text, e.g. for the token between our own processes."""
        return self.derive(purpose).hex()

    def sign(self, purpose: str, message: str) -> str:
        """Return a hex signature of `message`."""
        return hmac.digest(self.derive(purpose), message.encode(), "sha256").hex()

    def verify(self, purpose: str, message: str, signature: str) -> bool:
        """Tell in constant time whether `signature` was made by `sign`."""
        return hmac.compare_digest(
            self.sign(purpose, message).encode(), signature.encode()
        )

    def encrypt(self, purpose: str, text: str) -> str:
        """Return `text` encrypted (Fernet: AES-128-CBC and HMAC-SHA256)."""
        return self._fernet(purpose).encrypt(text.encode()).decode()

    def decrypt(self, purpose: str, cipher: str) -> str:
        """Return the text that `encrypt` was given.

        Raises:
            AppError: the installation's key is not the one it was encrypted with.
        """
        try:
            return self._fernet(purpose).decrypt(cipher.encode()).decode()
        except InvalidToken:
            message = "A stored secret cannot be read with this installation's key. Restore secret.key or enter it again."
            raise AppError(message) from None

    def _fernet(self, purpose: str) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self.derive(purpose)))


def load_keyring(settings: Settings) -> Keyring:
    """Return the keyring of the installation; makes its key (mode 0600) on first use."""
    if settings.secret_key is not None:
        return Keyring(settings.secret_key.get_secret_value())
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        _write_once(path, secrets.token_hex(32))
    return Keyring(path.read_text().strip())


def hash_token(token: str) -> str:
    """Return the SHA-256 of a random token: what is stored instead of the token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _write_once(path: Path, text: str) -> None:
    # Linked into place whole, so that two processes that start together agree on one key.
    path.parent.mkdir(parents=True, exist_ok=True)
    # Containers that share the folder have the same process ids.
    temporary = path.with_suffix(f".{secrets.token_hex(8)}")
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
