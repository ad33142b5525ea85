"""Each fault a few times: nothing is lost, nothing is done twice, every run ends. How long it takes is for `make chaos`."""

import os
import random
from pathlib import Path

import pytest

from chaos.fault import Fault
from chaos.faults import FAULTS
from chaos.trying import try_fault
from tests.conftest import STACKS
from tests.processes import ForkServer
from tests.stack import Stack

# So that what is lost is found soon.
SHORT = {"lease_seconds": 2.0, "worker_drain_seconds": 2.0}
KIND = os.environ.get("ATELIER_TEST_STACK", STACKS[0])
CHOSEN = [fault for fault in FAULTS.values() if KIND in fault.quick_stacks]


@pytest.mark.parametrize("fault", CHOSEN, ids=lambda fault: fault.id)
async def test_fault(
    stack: Stack, fork_server: ForkServer, tmp_path: Path, fault: Fault
) -> None:
    seed = random.randrange(10_000)

    outcome = await try_fault(
        stack, fork_server, tmp_path, fault, seed, fault.quick, **SHORT
    )

    assert outcome.is_right, f"seed {seed}: {outcome}"
