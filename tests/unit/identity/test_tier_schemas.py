"""What somebody may use: their own limits in the place of those of their tier."""

import pytest
from pydantic import ValidationError

from app.backend.identity.tier_schemas import LIMIT_MAX, Limits, TierDraft


def test_own_limits_stand_in_the_place_of_those_of_the_tier() -> None:
    tier = Limits(runs_per_day=10, storage_mb=100)
    own = Limits(runs_per_day=50, runs_active=2)

    assert own.instead_of(tier) == Limits(
        runs_per_day=50, runs_active=2, storage_mb=100
    )


@pytest.mark.parametrize("wrong", [0, -1, LIMIT_MAX + 1, "many", 1.5])
def test_limit_that_is_no_number_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        TierDraft.model_validate({"name": "Trial", "runs_per_day": wrong})
