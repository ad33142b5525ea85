"""Links what a saver stores to the run's own rows, and begins an attempt where another one stopped.

LangGraph's savers know no lease: a worker that was frozen could write on when it wakes up. So each attempt writes to a
thread of its own, the run's fenced rows say which checkpoint counts, and a later attempt begins with a copy of it.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from typing_extensions import override

from app.backend.agents.checkpoints import Saver
from app.backend.core.run_context import SavedStep


class LinkedSaver(BaseCheckpointSaver[str]):
    """A saver that tells of each checkpoint once it is stored."""

    def __init__(self, saver: Saver, note_step: Callable[[SavedStep], None]) -> None:
        super().__init__(serde=saver.serde)
        self._saver = saver
        self._note_step = note_step

    @override
    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await self._saver.aget_tuple(config)

    @override
    async def alist(
        self, config: RunnableConfig | None, **filters: Any
    ) -> AsyncIterator[CheckpointTuple]:
        async for found in self._saver.alist(config, **filters):
            yield found

    @override
    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        stored = await self._saver.aput(config, checkpoint, metadata, new_versions)
        self._note_step(
            SavedStep(
                saver_thread=stored.get("configurable", {})["thread_id"],
                checkpoint_id=checkpoint["id"],
                step=metadata.get("step", -1),
            )
        )
        return stored

    @override
    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        await self._saver.aput_writes(config, writes, task_id, task_path)

    @override
    def get_next_version(self, current: str | None, channel: None) -> str:
        return self._saver.get_next_version(current, channel)


async def copy_step(saver: Saver, step: SavedStep, saver_thread: str) -> bool:
    """Begin `saver_thread` with the checkpoint of `step`; False when that is not kept any more."""
    found = await saver.aget_tuple(
        _place(step.saver_thread, checkpoint_id=step.checkpoint_id)
    )
    if found is None:
        return False
    place = await saver.aput(
        _place(saver_thread),
        found.checkpoint,
        found.metadata,
        found.checkpoint["channel_versions"],
    )
    # What nodes of the next step have already returned counts as well.
    by_task: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    for task_id, channel, value in found.pending_writes or ():
        by_task[task_id].append((channel, value))
    for task_id, writes in by_task.items():
        await saver.aput_writes(place, writes, task_id)
    return True


def _place(saver_thread: str, **more: str) -> RunnableConfig:
    return {
        "configurable": {"thread_id": saver_thread, "checkpoint_ns": "", **more},
    }
