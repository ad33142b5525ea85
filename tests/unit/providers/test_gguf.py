"""The metadata of a model file is read whole, or the file is refused."""

import struct
from pathlib import Path

import pytest

from app.backend.providers import gguf
from app.backend.providers.gguf import NotGguf


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def field(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def strings(*values: str) -> bytes:
    return struct.pack("<IQ", 8, len(values)) + b"".join(
        text(value) for value in values
    )


FIELDS = [
    field("general.architecture", 8, text("llama")),
    field("llama.context_length", 4, struct.pack("<I", 4096)),
    field("tokenizer.ggml.pre", 8, text("smollm")),
    field("tokenizer.ggml.tokens", 9, strings("<s>", "a", "<|end|>")),
    field("tokenizer.ggml.token_type", 9, struct.pack("<IQ3i", 5, 3, 3, 1, 3)),
    field("tokenizer.ggml.bos_token_id", 4, struct.pack("<I", 0)),
    field("tokenizer.chat_template", 8, text("{{ messages }}")),
]


def write_gguf(folder: Path) -> Path:
    """Write a model file without weights."""
    path = folder / "model.gguf"
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(FIELDS))
    path.write_bytes(head + b"".join(FIELDS))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_gguf(tmp_path)


def test_read_gives_what_the_file_says(path: Path) -> None:
    model = gguf.read(path)

    assert model.context_length == 4096
    assert model.chat_template == "{{ messages }}"
    assert model.control_tokens == ["<|end|>", "<s>"]
    assert (model.token("bos"), model.token("eos")) == ("<s>", "")


def test_read_says_where_a_text_stands(path: Path) -> None:
    offset = gguf.read(path).offsets["tokenizer.ggml.pre"]

    assert path.read_bytes()[offset : offset + 6] == b"smollm"


@pytest.mark.parametrize("size", [0, 3, 10, 40, 120])
def test_read_of_a_cut_file_is_refused(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])

    with pytest.raises(NotGguf, match=r"model\.gguf"):
        gguf.read(path)


def test_read_of_something_else_is_refused(path: Path) -> None:
    path.write_text("#!/bin/sh")

    with pytest.raises(NotGguf, match="not a GGUF file"):
        gguf.read(path)
