"""A real Vault."""

from collections.abc import Iterator

import pytest

from tests.servers import Vault, serve_vault


@pytest.fixture(scope="session")
def vault() -> Iterator[Vault]:
    """One server for all tests of it."""
    with serve_vault("a-token-of-the-tests") as running:
        yield running
