"""A model whose weights are 8-bit integers multiplies with them as they are."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
import pytest

from app.backend.models.int8 import use_int8

FLOAT, INT8, INT64 = 1, 3, 7
WEIGHTS = np.array([[100, -7], [3, 120], [-55, 1]], np.int8)
SCALES = np.array([[0.01, 0.02]], np.float32)
TABLE_SCALE = np.array([[0.5]], np.float32)


def _varint(value: int) -> bytes:
    head = b""
    while value >= 0x80:
        head += bytes([value & 0x7F | 0x80])
        value >>= 7
    return head + bytes([value])


def _message(*fields: tuple[int, int | str | bytes]) -> bytes:
    written = b""
    for number, value in fields:
        if isinstance(value, int):
            written += _varint(number << 3) + _varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            written += _varint(number << 3 | 2) + _varint(len(content)) + content
    return written


def _tensor(name: str, kind: int, values: Any) -> bytes:
    sizes = [(1, size) for size in values.shape]
    return _message(*sizes, (2, kind), (8, name), (9, values.tobytes()))


def _node(kind: str, inputs: list[str], output: str, *attributes: bytes) -> bytes:
    named = [(1, name) for name in inputs]
    return _message(*named, (2, output), (4, kind), *((5, one) for one in attributes))


def _port(name: str, kind: int, *sizes: int) -> bytes:
    shape = _message(*((1, _message((1, size))) for size in sizes))
    return _message((1, name), (2, _message((1, _message((1, kind), (2, shape))))))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A table of words, and a product with weights, both kept as integers with scales."""
    to_float = _message((1, "to"), (3, FLOAT), (20, 2))
    graph = _message(
        (1, _node("Cast", ["table"], "table_cast", to_float)),
        (1, _node("Mul", ["table_cast", "table_scale"], "table_float")),
        (1, _node("Gather", ["table_float", "word"], "given")),
        (1, _node("Cast", ["weights"], "weights_cast", to_float)),
        (1, _node("Mul", ["weights_cast", "scales"], "weights_float")),
        (1, _node("MatMul", ["given", "weights_float"], "product")),
        (2, "tiny"),
        (5, _tensor("table", INT8, np.array([[1, 2, 3], [4, -5, 6]], np.int8))),
        (5, _tensor("table_scale", FLOAT, TABLE_SCALE)),
        (5, _tensor("weights", INT8, WEIGHTS)),
        (5, _tensor("scales", FLOAT, SCALES)),
        (11, _port("word", INT64, 1)),
        (12, _port("product", FLOAT, 1, 2)),
    )
    path = tmp_path / "model.onnx"
    path.write_bytes(_message((1, 10), (2, "test"), (7, graph), (8, _message((2, 17)))))
    return path


def _run(path: Path, word: int) -> Any:
    session: Any = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"word": np.array([word], np.int64)})[0]


@pytest.mark.parametrize("word", [0, 1])
def test_the_product_is_nearly_the_same(model: Path, word: int) -> None:
    before = _run(model, word)

    use_int8(model)

    assert b"DynamicQuantizeMatMul" in model.read_bytes()
    assert _run(model, word) == pytest.approx(before, abs=0.02)


def test_what_is_not_multiplied_stays_as_it_is(model: Path) -> None:
    use_int8(model)

    content = model.read_bytes()
    assert b"table_cast" in content
    assert b"weights_cast" not in content
