"""The installation's key, and what is derived from it."""

import base64
import hashlib
import hmac
import secrets

from cryptography.fernet import Fernet, InvalidToken

from app.backend.core.errors import AppError
from app.backend.core.master_keys import MasterKeys
from app.backend.core.private_files import write_once
from app.backend.core.settings import Settings

KEY_FILE = "secret.key"


class Keyring:
    """Derives one key per purpose from the installation's secret (HMAC-SHA256), and holds its master keys."""

    def __init__(self, secret: str, masters: MasterKeys | None = None) -> None:
        self._secret = secret.encode()
        self.masters = masters or MasterKeys([], former=self.fernet_key("master"))

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

    def fernet_key(self, purpose: str) -> str:
        """Return the derived key as Fernet writes its keys."""
        return base64.urlsafe_b64encode(self.derive(purpose)).decode()

    def encrypt(self, purpose: str, text: str) -> str:
        """Return `text` encrypted (Fernet: AES-128-CBC and HMAC-SHA256): for what belongs to nobody and does not last.

        What users keep secret is sealed with a key of theirs, see `core.sealing`.
        """
        return Fernet(self.fernet_key(purpose)).encrypt(text.encode()).decode()

    def decrypt(self, purpose: str, cipher: str) -> str:
        """Return the text that `encrypt` was given.

        Raises:
            AppError: the installation's key is not the one it was encrypted with.
        """
        try:
            return Fernet(self.fernet_key(purpose)).decrypt(cipher).decode()
        except InvalidToken:
            message = "A stored secret cannot be read with this installation's key. Restore secret.key or enter it again."
            raise AppError(message) from None


def load_keyring(settings: Settings) -> Keyring:
    """Return the keyring of the installation; makes its keys (mode 0600) on first use."""
    secret = _load_secret(settings)
    former = Keyring(secret).fernet_key("master")
    return Keyring(secret, MasterKeys.load(settings, former=former))


def _load_secret(settings: Settings) -> str:
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        write_once(path, secrets.token_hex(32))
    return path.read_text().strip()


def hash_token(token: str) -> str:
    """Return the SHA-256 of a random token: what is stored instead of the token."""
    return hashlib.sha256(token.encode()).hexdigest()
