"""The locks of stores: who is cancelled while Redis gives one must not keep it."""

import asyncio

from reflex.istate.manager.redis import StateManagerRedis


def give_back_when_cancelled(manager: StateManagerRedis) -> None:
    """Let events that are cancelled while they ask for a store's lock give it back.

    Reflex cancels what a page has asked for when its socket closes. If Redis has given the lock by then, nobody knows
    of it, and the next page of that tab, as after a reload, would wait until it expires: ten seconds.
    """
    take = manager._try_get_lock  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    async def take_or_give_back(lock_key: bytes, lock_id: bytes) -> bool | None:
        taking = asyncio.ensure_future(take(lock_key, lock_id))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            if await taking:
                await manager.redis.delete(lock_key)
            raise

    manager._try_get_lock = take_or_give_back  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
