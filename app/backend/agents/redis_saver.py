"""Checkpoints in Redis or Valkey, on plain commands: the published saver wants modules that neither has built in.

Keys, all in a database of their own:

- `checkpoint:{thread_id}:{checkpoint_id}`: a checkpoint without the values of its channels;
  `checkpoint_sub:{thread_id}:{namespace}:{checkpoint_id}`: one of a graph inside a graph.
- `checkpoint_values:{thread_id}:{namespace}`: values by channel and version, so that what stays the same is kept once.
- `checkpoint_writes:{thread_id}:{namespace}:{checkpoint_id}`: what nodes returned after it.
- `checkpoint_index:{thread_id}`: ids in their order; `checkpoint_keys:{thread_id}`: all keys of the thread, to delete them.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    PendingWrite,
    get_checkpoint_id,
    get_checkpoint_metadata,
    writes_sort_key,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from redis.asyncio import Redis
from typing_extensions import override

from app.backend.agents.places import place_in
from app.backend.core import ids

INDEX = "checkpoint_index:"
_SCAN_COUNT = 500
_CHECKPOINTS = (b"checkpoint:", b"checkpoint_sub:")


@dataclass(frozen=True)
class _Place:
    """Where a checkpoint lies."""

    thread: str
    namespace: str
    id: str

    @property
    def checkpoint(self) -> str:
        if not self.namespace:
            return f"checkpoint:{self.thread}:{self.id}"
        return f"checkpoint_sub:{self._sub}:{self.id}"

    @property
    def values(self) -> str:
        return f"checkpoint_values:{self._sub}"

    @property
    def writes(self) -> str:
        return f"checkpoint_writes:{self._sub}:{self.id}"

    @property
    def member(self) -> bytes:
        return f"{self.namespace}\0{self.id}".encode()

    @property
    def config(self) -> RunnableConfig:
        return place_in(self.thread, self.id, namespace=self.namespace)

    @property
    def _sub(self) -> str:
        # A namespace may have colons, and so may a thread: one of the two must not.
        return f"{self.thread}:{quote(self.namespace, safe='')}"


class RedisSaver(BaseCheckpointSaver[str]):
    """LangGraph's contract for savers, for asyncio code only; `redis` must not decode what it reads."""

    def __init__(self, redis: Redis, *, serde: SerializerProtocol) -> None:
        super().__init__(serde=serde)
        self._redis = redis

    @override
    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        wanted = _place_of(config)
        if not wanted.id:
            newest = await self._list_ids(wanted.thread, wanted.namespace, limit=1)
            if not newest:
                return None
            wanted = newest[0]
        return await self._load(wanted)

    @override
    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        places = await self._list_places(config)
        before_id = get_checkpoint_id(before) if before else None
        for place in sorted(places, key=lambda one: one.id, reverse=True):
            if limit is not None and limit <= 0:
                return
            if before_id and place.id >= before_id:
                continue
            found = await self._load(place)
            if found is None or not _matches(found.metadata, filter or {}):
                continue
            yield found
            limit = None if limit is None else limit - 1

    @override
    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        parent = _place_of(config)
        place = _Place(parent.thread, parent.namespace, checkpoint["id"])
        values = checkpoint["channel_values"]
        rest = {name: v for name, v in checkpoint.items() if name != "channel_values"}
        changed = {
            _field(name, version): self._dump(values[name])
            for name, version in new_versions.items()
            if name in values
        }
        stored = {
            "checkpoint": self._dump(rest),
            "metadata": self._dump(get_checkpoint_metadata(config, metadata)),
            "parent": parent.id,
        }
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(place.checkpoint, mapping=cast("dict[Any, Any]", stored))
            if changed:
                pipe.hset(place.values, mapping=cast("dict[Any, Any]", changed))
            pipe.zadd(f"{INDEX}{place.thread}", {place.member: 0})
            pipe.sadd(_keys(place.thread), place.checkpoint, place.values)
            await pipe.execute()
        return place.config

    @override
    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        if not writes:
            return
        place = _place_of(config)
        async with self._redis.pipeline(transaction=True) as pipe:
            for number, (channel, value) in enumerate(writes):
                index = WRITES_IDX_MAP.get(channel, number)
                type_, body = self.serde.dumps_typed(value)
                head = json.dumps([task_id, index, channel, task_path, type_])
                # What a task has returned stays; what went wrong with it may change.
                put = pipe.hsetnx if index >= 0 else pipe.hset
                entry = cast("Any", head.encode() + b"\n" + body)
                put(place.writes, f"{task_id}:{index}", entry)
            pipe.sadd(_keys(place.thread), place.writes)
            await pipe.execute()

    @override
    async def adelete_thread(self, thread_id: str) -> None:
        keys = await cast("Any", self._redis.smembers(_keys(thread_id)))
        await self._redis.unlink(*keys, f"{INDEX}{thread_id}", _keys(thread_id))

    @override
    def get_next_version(self, current: str | None, channel: None) -> str:
        number = 0 if current is None else int(current.partition(".")[0])
        return f"{number + 1:032}.{ids.new_id().hex[-16:]}"

    async def measure(self) -> tuple[int, int]:
        """Return the number of checkpoints and the bytes of all keys; it reads the size of each."""
        rows, size = 0, 0
        async for keys in _batches(self._redis):
            async with self._redis.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.memory_usage(key)
                sizes = await pipe.execute()
            rows += sum(key.startswith(_CHECKPOINTS) for key in keys)
            size += sum(one or 0 for one in sizes)
        return rows, size

    async def _list_places(self, config: RunnableConfig | None) -> list[_Place]:
        if config is not None:
            wanted = _place_of(config)
            namespace = config.get("configurable", {}).get("checkpoint_ns")
            if namespace is not None and wanted.id:
                return [wanted]
            found = await self._list_ids(wanted.thread, namespace)
            return [one for one in found if not wanted.id or one.id == wanted.id]
        places: list[_Place] = []
        async for key in self._redis.scan_iter(match=f"{INDEX}*", count=_SCAN_COUNT):
            places += await self._list_ids(key.decode().removeprefix(INDEX), None)
        return places

    async def _list_ids(
        self, thread: str, namespace: str | None, *, limit: int | None = None
    ) -> list[_Place]:
        low, high = "-", "+"
        if namespace is not None:
            low, high = f"[{namespace}\0", f"({namespace}\1"
        page: dict[str, Any] = {} if limit is None else {"start": 0, "num": limit}
        members = await self._redis.zrevrangebylex(
            f"{INDEX}{thread}", high, low, **page
        )
        parts = [member.decode().split("\0") for member in members]
        return [_Place(thread, namespace, id_) for namespace, id_ in parts]

    async def _load(self, place: _Place) -> CheckpointTuple | None:
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(place.checkpoint)
            pipe.hgetall(place.writes)
            stored, writes = await pipe.execute()
        if not stored:
            return None
        checkpoint = self._load_value(stored[b"checkpoint"])
        checkpoint["channel_values"] = await self._load_values(
            place, checkpoint["channel_versions"]
        )
        parent = _Place(place.thread, place.namespace, stored[b"parent"].decode())
        return CheckpointTuple(
            config=place.config,
            checkpoint=checkpoint,
            metadata=self._load_value(stored[b"metadata"]),
            parent_config=parent.config if parent.id else None,
            pending_writes=self._load_writes(writes),
        )

    async def _load_values(
        self, place: _Place, versions: ChannelVersions
    ) -> dict[str, Any]:
        if not versions:
            return {}
        fields = [_field(name, version) for name, version in versions.items()]
        found = await cast("Any", self._redis.hmget(place.values, fields))
        return {
            name: self._load_value(value)
            for name, value in zip(versions, found, strict=True)
            if value is not None
        }

    def _load_writes(self, stored: Mapping[bytes, bytes]) -> list[PendingWrite]:
        writes: list[tuple[tuple[str, str, int], PendingWrite]] = []
        for entry in stored.values():
            head, _, body = entry.partition(b"\n")
            task_id, index, channel, task_path, type_ = json.loads(head)
            value = self.serde.loads_typed((type_, body))
            order = writes_sort_key(task_path, task_id, index)
            writes.append((order, (task_id, channel, value)))
        return [write for _, write in sorted(writes, key=lambda one: one[0])]

    def _dump(self, value: Any) -> bytes:
        type_, body = self.serde.dumps_typed(value)
        return type_.encode() + b"\n" + body

    def _load_value(self, stored: bytes) -> Any:
        type_, _, body = stored.partition(b"\n")
        return self.serde.loads_typed((type_.decode(), body))


async def _batches(redis: Redis) -> AsyncIterator[list[bytes]]:
    batch: list[bytes] = []
    # In steps: KEYS would keep everybody else waiting.
    async for key in redis.scan_iter(match="checkpoint*", count=_SCAN_COUNT):
        batch.append(key)
        if len(batch) == _SCAN_COUNT:
            yield batch
            batch = []
    if batch:
        yield batch


def _place_of(config: RunnableConfig) -> _Place:
    given = config.get("configurable", {})
    return _Place(
        str(given["thread_id"]),
        given.get("checkpoint_ns") or "",
        get_checkpoint_id(config) or "",
    )


def _keys(thread: str) -> str:
    return f"checkpoint_keys:{thread}"


def _field(channel: str, version: object) -> str:
    return f"{channel}\0{version}"


def _matches(metadata: CheckpointMetadata, wanted: Mapping[str, Any]) -> bool:
    return all(metadata.get(name) == value for name, value in wanted.items())
