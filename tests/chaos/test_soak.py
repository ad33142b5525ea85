"""What a soak takes for growth: the end against the time after the warm-up, and not noise."""

from collections.abc import Callable

import pytest

from chaos.soak import Sample, grown

SECONDS = 100.0


def _samples(
    memory: Callable[[float], float] = lambda _: 100.0,
    files: Callable[[float], float] = lambda _: 20.0,
    keys: Callable[[float], int] = lambda _: 5,
) -> list[Sample]:
    return [
        Sample(
            at=float(at),
            processes={"worker": 2},
            memory={"worker": memory(at)},
            files={"worker": files(at)},
            redis_mb=2.0,
            redis_keys=10_000 + at,
            lasting_keys=keys(at),
            rows={"run": at},
        )
        for at in range(5, 100, 5)
    ]


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (_samples(memory=lambda at: 100 + at), "worker grew from"),
        (_samples(files=lambda at: 20 + at / 5), "open files"),
        (_samples(keys=lambda at: round(at * 4)), "never expire"),
    ],
)
def test_what_grows_to_the_end_is_told(samples: list[Sample], words: str) -> None:
    (found,) = grown(samples, SECONDS)

    assert words in found


def test_warming_up_and_noise_are_no_growth() -> None:
    samples = _samples(
        memory=lambda at: min(100.0, 40 + 4 * at) + at % 7,
        files=lambda at: 20 + at % 4,
        keys=lambda at: 5 + round(at) % 10,
    )

    assert grown(samples, SECONDS) == []
