"""What the settings take as an issuer."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.backend.core import masking
from app.backend.identity.outside.issuers import list_issuers
from tests.stack import settings_of

ISSUER = {"key": "company", "name": "Company", "client_id": "x"}


def _issuers(*issuers: dict[str, Any], **more: Any) -> list[str]:
    known = [{**ISSUER, "issuer": "https://id.example.org", **one} for one in issuers]
    settings = settings_of(Path("data"), oidc_issuers=known, **more)
    return [issuer.key for issuer in list_issuers(settings)]


def test_services_without_a_client_id_are_not_there() -> None:
    assert _issuers() == []
    assert _issuers({}, github_client_id="x") == ["company", "github"]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost:1", "https://id.example.org"]
)
def test_issuer_on_this_machine_needs_no_tls(url: str) -> None:
    assert _issuers({"issuer": url}) == ["company"]


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://id.example.org"},
        {"issuer": "https://"},
        {"key": "github"},
        {"key": "../x"},
        {"name": ""},
        {"roles": {"groups": {"x": "king"}}},
        {"unknown": "x"},
    ],
    ids=str,
)
def test_issuer_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _issuers(change)


def test_secret_of_an_issuer_is_masked_like_every_other() -> None:
    known = [
        {**ISSUER, "issuer": "https://id.example.org", "client_secret": "s3cr3t-1"}
    ]

    assert "s3cr3t-1" in masking.secrets_of(
        settings_of(Path("data"), oidc_issuers=known)
    )


def test_two_issuers_have_two_keys() -> None:
    with pytest.raises(ValidationError):
        _issuers({}, {})


@pytest.mark.parametrize("url", ["http://ldap.example.org", "ldap://", "ldap"])
def test_directory_has_an_address_of_ldap(url: str) -> None:
    with pytest.raises(ValidationError):
        settings_of(Path("data"), ldap_url=url)
