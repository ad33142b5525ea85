"""Reads secrets that HashiCorp Vault keeps (KV version 2)."""

from typing import Any, cast

import hvac
import requests
from hvac.exceptions import Forbidden, InvalidPath, Unauthorized, VaultError

from app.backend.core.settings import Settings
from app.backend.secrets.errors import SecretMissing
from app.backend.secrets.references import Reference

_SECONDS = 4


def read_vault(settings: Settings, reference: Reference) -> str:
    """Return a secret of Vault; waits for the network.

    Raises:
        SecretMissing: Vault is away, refuses us, or has no such secret.
    """
    if not settings.vault_url:
        what = "Vault is not set up. Set ATELIER_VAULT_URL and ATELIER_VAULT_TOKEN_FILE or ATELIER_VAULT_TOKEN."
        raise SecretMissing(str(reference), what)
    mount, _, path = reference.name.partition("/")
    try:
        values = _read_path(settings, mount, path)
    except InvalidPath:
        what = f"Vault has nothing at {path!r} of {mount!r} (KV version 2). Write vault:mount/path#key."
    except (Forbidden, Unauthorized):
        what = "Vault refuses our token. Renew it, and let its policy read this path."
    except (VaultError, requests.RequestException, OSError) as error:
        what = f"Vault at {settings.vault_url} does not answer as it should ({type(error).__name__}). Check ATELIER_VAULT_URL, then try again."
    else:
        value = values.get(reference.key)
        if isinstance(value, str) and value:
            return value
        what = f"Vault has no text under the key {reference.key!r} there. Its keys are {', '.join(sorted(values)) or 'none'}."
    raise SecretMissing(str(reference), what)


def _read_path(settings: Settings, mount: str, path: str) -> dict[str, Any]:
    client = hvac.Client(
        url=settings.vault_url,
        token=_token(settings),
        timeout=_SECONDS,
        allow_redirects=False,
    )
    try:
        answer = client.secrets.kv.v2.read_secret_version(
            path=path, mount_point=mount, raise_on_deleted_version=True
        )
    finally:
        client.adapter.close()
    return cast("dict[str, Any]", answer["data"]["data"])


def _token(settings: Settings) -> str:
    if settings.vault_token_file is not None:
        return settings.vault_token_file.read_text().strip()
    token = settings.vault_token
    return token.get_secret_value() if token is not None else ""
