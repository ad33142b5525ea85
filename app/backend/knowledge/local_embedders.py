"""Embedders that hold their model in this process: only the runtime makes one."""

import asyncio
import importlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
from tokenizers import Tokenizer

from app.backend.knowledge.embeddings import (
    DEFAULT_EMBEDDER,
    Embedder,
    Vector,
    embedder_name,
)

TOKENS_MAX = 256
# Texts that a sentence-transformers model takes together.
_SLICE = 4


class OnnxEmbedder:
    """MiniLM on onnxruntime: as many texts at once as there are cores, and each request has its turn.

    Each goes through the model alone, which is as quick as four together: what is with it would change its vector.
    """

    name = DEFAULT_EMBEDDER

    def __init__(
        self, model: Path, tokenizer: Path, *, threads: int | None = None
    ) -> None:
        self._files = model, tokenizer
        self._at_once = threads or min(4, os.cpu_count() or 1)
        self._threads = ThreadPoolExecutor(self._at_once, thread_name_prefix="embedder")
        # A question never queues behind the texts of an ingest.
        self._question_thread = ThreadPoolExecutor(1, thread_name_prefix="embedder-q")
        self._opening = Lock()

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector a text."""
        loop = asyncio.get_running_loop()
        if len(texts) == 1:
            asked = loop.run_in_executor(self._question_thread, self._run, texts[0])
            return [await asked]
        places = list(range(len(texts)))
        vectors: list[Vector] = [[] for _ in texts]

        async def take_texts() -> None:
            while places:
                place = places.pop()
                vectors[place] = await loop.run_in_executor(
                    self._threads, self._run, texts[place]
                )

        await asyncio.gather(*(take_texts() for _ in range(self._at_once)))
        return vectors

    async def close(self) -> None:
        """End the threads."""
        for threads in (self._threads, self._question_thread):
            threads.shutdown(wait=False, cancel_futures=True)

    # Opened by the first text, in 0.3 s: an installation that searches nothing holds no model.
    @cached_property
    def _session(self) -> Any:
        options = onnxruntime.SessionOptions()
        # Texts that run side by side need no threads of onnxruntime's, which wait for each other by spinning.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        if not sums_bytes_exactly(Path("/proc/cpuinfo")):
            options.add_session_config_entry("session.x64quantprecision", "1")
        return onnxruntime.InferenceSession(
            str(self._files[0]), options, providers=["CPUExecutionProvider"]
        )

    @cached_property
    def _run_options(self) -> Any:
        # Without this a long ingest leaves 600 MB behind that are never used again.
        options = onnxruntime.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        return options

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(self._files[1]))
        tokenizer.enable_truncation(TOKENS_MAX)
        tokenizer.no_padding()
        return tokenizer

    def _run(self, text: str) -> Vector:
        with self._opening:
            session, tokenizer = self._session, self._tokenizer
        tokens = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        given = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
        }
        hidden: Any = session.run(
            None,
            {item.name: given[item.name] for item in session.get_inputs()},
            self._run_options,
        )[0]
        pooled = hidden[0].mean(axis=0) if hidden.ndim == 3 else hidden[0]
        return (pooled / max(float(np.linalg.norm(pooled)), 1e-12)).tolist()


class SentenceTransformersEmbedder:
    """Any sentence-transformers model in a local folder; needs the `transformers` extra."""

    def __init__(self, folder: Path) -> None:
        # Heavy (torch): paid only by the process that holds such a model.
        library: Any = importlib.import_module("sentence_transformers")
        self.name = embedder_name(str(folder))
        self._model = library.SentenceTransformer(
            str(folder), device="cpu", local_files_only=True
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedder")

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector a text."""
        loop = asyncio.get_running_loop()
        vectors: list[Vector] = []
        for first in range(0, len(texts), _SLICE):
            piece = list(texts[first : first + _SLICE])
            vectors += await loop.run_in_executor(self._thread, self._run, piece)
        return vectors

    async def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _run(self, texts: list[str]) -> list[Vector]:
        return self._model.encode(
            texts, normalize_embeddings=True, show_progress_bar=False
        ).tolist()


def make_local_embedder(setting: str, *, model: Path, tokenizer: Path) -> Embedder:
    """Return the embedder that the setting asks for, held by this process."""
    if setting == DEFAULT_EMBEDDER:
        return OnnxEmbedder(model, tokenizer)
    return SentenceTransformersEmbedder(Path(setting))


def sums_bytes_exactly(described: Path) -> bool:
    """Tell whether a processor, as Linux describes it, adds products of bytes in 32 bits.

    Others cut sums off at 16, unless they take a way that is half as quick; so does one of which nothing is known.
    """
    return described.is_file() and "vnni" in described.read_text()
