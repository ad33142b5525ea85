"""Secrets that Vault keeps: read anew each time, and what is wrong is said."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.secrets import service
from app.backend.secrets.errors import SecretMissing
from tests.parts import free_port
from tests.servers import Vault

REFERENCE = "vault:secret/team/far#key"


@pytest.fixture
def parts(services: Services, vault: Vault, tmp_path: Path) -> Services:
    """The parts of an installation that has a token for Vault in a file."""
    file = tmp_path / "token"
    file.write_text(f"{vault.token}\n")
    update = {"vault_url": vault.url, "vault_token_file": file}
    return replace(services, settings=services.settings.model_copy(update=update))


async def _resolve(parts: Services, actor: Actor, reference: str = REFERENCE) -> str:
    async with parts.db.transaction() as session:
        found = await service.resolve(session, actor, reference, parts=parts)
    return found.get_secret_value()


async def test_value_is_read_anew_each_time(
    parts: Services, actor: Actor, vault: Vault
) -> None:
    vault.store("team/far", key="first-canary", other="x")
    first = await _resolve(parts, actor)
    vault.store("team/far", key="second-canary")

    assert (first, await _resolve(parts, actor)) == ("first-canary", "second-canary")


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("vault:secret/team/absent#key", "has nothing at 'team/absent'"),
        ("vault:nowhere/team/far#key", "has nothing at 'team/far' of 'nowhere'"),
        ("vault:secret/team/far#absent", "Its keys are key, number"),
        ("vault:secret/team/far#number", "no text under the key 'number'"),
        ("vault:secret/team/gone#key", "has nothing"),
    ],
)
async def test_what_is_not_there_is_said(
    parts: Services, actor: Actor, vault: Vault, reference: str, says: str
) -> None:
    vault.store("team/far", key="a-canary", number=7)
    vault.store("team/gone", key="a-canary")
    vault.delete("team/gone")

    with pytest.raises(SecretMissing, match=says) as caught:
        await _resolve(parts, actor, reference)

    assert reference in caught.value.message
    assert "canary" not in caught.value.message


async def test_vault_that_is_away_refuses_or_is_not_set_up_is_said(
    parts: Services, services: Services, actor: Actor
) -> None:
    def with_settings(**values: object) -> Services:
        return replace(parts, settings=parts.settings.model_copy(update=values))

    nowhere = with_settings(vault_url=f"http://127.0.0.1:{free_port()}")
    stranger = with_settings(vault_token_file=None, vault_token=SecretStr("wrong"))
    for broken, says in (
        (nowhere, "does not answer"),
        (stranger, "refuses our token"),
        (services, "ATELIER_VAULT_URL"),
    ):
        with pytest.raises(SecretMissing, match=says):
            await _resolve(broken, actor)
