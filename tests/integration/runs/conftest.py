"""Runs of one actor on the real parts."""

import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from tests.runs import Runs


@pytest.fixture
def runs(services: Services, actor: Actor) -> Runs:
    """The runs of the owner."""
    return Runs(services, actor)
