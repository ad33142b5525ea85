"""What middlewares remember, without Redis; tests/integration/middleware/test_memory.py holds it to the real one."""

from typing_extensions import override

from app.backend.core import clock
from app.backend.middleware.memory import Memory


class FakeMemory(Memory):
    """Keeps values for ever, or is away."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.values: dict[str, str] = {}
        self.is_away = is_away

    @override
    async def get(self, *keys: str) -> list[str | None] | None:
        return None if self.is_away else [self.values.get(key) for key in keys]

    @override
    async def keep(self, key: str, value: str, *, seconds: int) -> bool:
        if not self.is_away:
            self.values[key] = value
        return not self.is_away

    @override
    async def count(self, key: str, *, seconds: int) -> int | None:
        if self.is_away:
            return None
        self.values[key] = str(int(self.values.get(key, 0)) + 1)
        return int(self.values[key])

    @override
    async def take(self, key: str, *, calls: int, seconds: float) -> float | None:
        if self.is_away:
            return None
        now = clock.monotonic()
        free = max(float(self.values.get(key, now)), now) + seconds / calls
        if free - now > seconds + 1e-6:
            return free - now - seconds
        self.values[key] = str(free)
        return 0

    @override
    async def raise_version(self, key: str) -> None:
        await self.count(key, seconds=1)
