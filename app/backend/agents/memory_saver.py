"""Checkpoints in the memory of one process: for trying out; they are gone when it ends, and old ones go before."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from typing_extensions import override

from app.backend.core import clock


class MemorySaver(InMemorySaver):
    """Keeps what was written to within `kept`; a thread that is silent for longer is deleted."""

    def __init__(self, *, serde: SerializerProtocol, kept: timedelta) -> None:
        super().__init__(serde=serde)
        self._kept = kept
        # The thread that was silent for longest comes first.
        self._written_at: dict[str, datetime] = {}

    @override
    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self._touch(config)
        return super().put(config, checkpoint, metadata, new_versions)

    @override
    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        self._touch(config)
        super().put_writes(config, writes, task_id, task_path)

    @override
    def delete_thread(self, thread_id: str) -> None:
        self._written_at.pop(thread_id, None)
        super().delete_thread(thread_id)

    def _touch(self, config: RunnableConfig) -> None:
        now = clock.now()
        thread = str(config.get("configurable", {})["thread_id"])
        self._written_at.pop(thread, None)
        self._written_at[thread] = now
        stale = now - self._kept
        for silent, at in list(self._written_at.items()):
            if at >= stale:
                return
            self.delete_thread(silent)
