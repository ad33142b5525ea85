"""Links what a saver stores to the run's own rows, and begins an attempt where another one stopped.

LangGraph's savers know no lease: a worker that was frozen could write on when it wakes up. So each attempt writes to a
thread of its own, the run's fenced rows say which checkpoint counts, and a later attempt begins with a copy of it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, Protocol

import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from typing_extensions import override

from app.backend.agents.checkpoints import STORE_AWAY, Saver
from app.backend.agents.growing import growing_names
from app.backend.agents.places import place_in
from app.backend.core import clock
from app.backend.core.fault_points import FaultPoint, pass_by
from app.backend.core.run_context import SavedStep, forget_step

logger = structlog.get_logger(__name__)

# A store that is away costs a run this pause at most once in a while.
RETRY_SECONDS = 10.0
# Sorts before every id that LangGraph makes.
_ROOT_ID = "00000000-0000-6000-8000-000000000000"
_BRANCH = "branch:to:"
_SENDS = "__pregel_tasks"
_HIDDEN = "__"

_Write = Callable[[], Awaitable[None]]


class NoteStore(Protocol):
    """Hears that the store went away, or came back."""

    def __call__(self, *, is_away: bool) -> None:
        """Say so."""
        ...


class LinkedSaver(BaseCheckpointSaver[str]):
    """A saver that tells of each checkpoint once it is stored, and holds back what it cannot store now.

    A run goes on while its store is away. What is held back is stored in its order when the store is there again; until
    then nobody is told of it.
    """

    def __init__(
        self,
        saver: Saver,
        note_step: Callable[[SavedStep], None],
        note_store: NoteStore | None = None,
        pass_point: Callable[[FaultPoint], None] = pass_by,
        *,
        is_empty: bool = False,
    ) -> None:
        super().__init__(serde=saver.serde)
        self._saver = saver
        # A new thread need not be asked for what it has.
        self._is_empty = is_empty
        self._note_step = note_step
        self._note_store = note_store
        self._pass_point = pass_point
        self._seen: dict[str, ChannelVersions] | None = None
        # By the order in which they were asked for.
        self._held: dict[int, _Write] = {}
        self._numbers = count()
        self._flushing = asyncio.Lock()
        self._next_try = 0.0
        self._is_away = False

    async def keeps_up(self) -> bool:
        """Tell whether every step so far is stored where the next attempt finds it."""
        return self._note_step is not forget_step and await self.settle()

    async def settle(self) -> bool:
        """Store what was held back, at once; False when the store is still away."""
        if self._held:
            self._next_try = 0.0
            await self._flush()
        return not self._held

    @override
    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        if self._is_empty:
            return None
        found = await self._saver.aget_tuple(config)
        if found is not None and self._seen is None:
            self._seen = found.checkpoint["versions_seen"]
        return found

    @override
    async def alist(
        self, config: RunnableConfig | None, **filters: Any
    ) -> AsyncIterator[CheckpointTuple]:
        async for found in self._saver.alist(config, **filters):
            yield found

    @override
    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return await self._saver.aget_delta_channel_history(
            config=config, channels=channels
        )

    @override
    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self._is_empty = False
        place = config.get("configurable", {})
        thread, namespace = place["thread_id"], place.get("checkpoint_ns", "")
        step = None
        if not namespace:
            step = SavedStep(
                saver_thread=thread,
                checkpoint_id=checkpoint["id"],
                step=metadata.get("step", -1),
                node=", ".join(self._take_nodes(checkpoint)),
                next_node=", ".join(next_nodes(checkpoint)),
            )
        write = partial(self._put, config, checkpoint, metadata, new_versions, step)
        await self._store(write)
        return place_in(thread, checkpoint["id"], namespace=namespace)

    @override
    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        put = self._saver.aput_writes
        await self._store(partial(put, config, writes, task_id, task_path))

    @override
    def get_next_version(self, current: str | None, channel: None) -> str:
        return self._saver.get_next_version(current, channel)

    async def _put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
        step: SavedStep | None,
    ) -> None:
        self._pass_point(FaultPoint.STEP_DONE)
        await self._saver.aput(config, checkpoint, metadata, new_versions)
        self._pass_point(FaultPoint.CHECKPOINT_STORED)
        if step is not None:
            self._note_step(step)

    async def _store(self, write: _Write) -> None:
        number = next(self._numbers)
        # Nothing overtakes what is held back: a step counts only with all before it.
        if not self._held:
            try:
                await write()
            except STORE_AWAY as error:
                self._hold(number, write, error)
            return
        self._held[number] = write
        if clock.monotonic() >= self._next_try:
            await self._flush()

    async def _flush(self) -> None:
        async with self._flushing:
            try:
                while self._held:
                    number = min(self._held)
                    await self._held[number]()
                    del self._held[number]
            except STORE_AWAY:
                self._next_try = clock.monotonic() + RETRY_SECONDS
                return
        if self._is_away:
            self._tell(is_away=False)

    def _hold(self, number: int, write: _Write, error: Exception) -> None:
        logger.warning("checkpoint_not_stored", error=str(error))
        self._held[number] = write
        self._next_try = clock.monotonic() + RETRY_SECONDS
        if not self._is_away:
            self._tell(is_away=True)

    def _tell(self, *, is_away: bool) -> None:
        self._is_away = is_away
        if self._note_store is not None:
            self._note_store(is_away=is_away)

    def _take_nodes(self, checkpoint: Checkpoint) -> list[str]:
        """Return the nodes that have worked since the checkpoint before."""
        seen = checkpoint["versions_seen"]
        before = self._seen or {}
        self._seen = {name: dict(versions) for name, versions in seen.items()}
        return sorted(
            name
            for name, versions in seen.items()
            if versions != before.get(name) and not name.startswith(_HIDDEN)
        )


def next_nodes(checkpoint: Checkpoint) -> list[str]:
    """Return the nodes that work after this checkpoint; none after the last one."""
    values = checkpoint["channel_values"]
    waiting = {
        name.removeprefix(_BRANCH) for name in values if name.startswith(_BRANCH)
    }
    waiting |= {send.node for send in values.get(_SENDS) or ()}
    return sorted(waiting)


async def copy_step(
    saver: Saver,
    step: SavedStep,
    saver_thread: str,
    changes: Mapping[str, Any] | None = None,
) -> bool:
    """Begin `saver_thread` with the checkpoint of `step`; False when that is not kept any more.

    A fork gives its `changes` of the state's values. What comes after the step is done again.
    """
    origin = place_in(step.saver_thread, step.checkpoint_id)
    found = await saver.aget_tuple(origin)
    if found is None:
        return False
    values = dict(found.checkpoint["channel_values"])
    values |= {name: new for name, new in (changes or {}).items() if name in values}
    checkpoint: Checkpoint = {**found.checkpoint, "channel_values": values}
    root = await _copy_growing(saver, found, origin, saver_thread)
    # What the next step has returned is left behind: the log need not have what it said. It is done again.
    await saver.aput(root, checkpoint, found.metadata, checkpoint["channel_versions"])
    return True


async def _copy_growing(
    saver: Saver, found: CheckpointTuple, origin: RunnableConfig, saver_thread: str
) -> RunnableConfig:
    """Put the parts of lists that only grow before the copy, in one checkpoint; returns the place after it."""
    names = growing_names(found.metadata)
    if not names:
        return place_in(saver_thread)
    history = await saver.aget_delta_channel_history(config=origin, channels=names)
    seeds = {name: part["seed"] for name, part in history.items() if "seed" in part}
    versions: ChannelVersions = {
        name: saver.get_next_version(None, None) for name in seeds
    }
    root: Checkpoint = {
        **found.checkpoint,
        "id": _ROOT_ID,
        "channel_values": seeds,
        "channel_versions": versions,
        "versions_seen": {},
    }
    metadata: CheckpointMetadata = {"source": "fork", "step": -2, "parents": {}}
    place = await saver.aput(place_in(saver_thread), root, metadata, versions)
    writes = [
        (name, value)
        for name, part in history.items()
        for _, _, value in part["writes"]
    ]
    await saver.aput_writes(place, writes, _ROOT_ID)
    return place
