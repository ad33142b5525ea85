"""Lets a model whose weights are kept as 8-bit integers multiply with them as they are.

A runtime would make floating-point numbers of them first: four times the memory to read for each question, and
half the speed for documents.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

# Numbers of fields in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
_GRAPH, _OPSETS = 7, 8
_NODES, _TENSORS = 1, 5
_INPUTS, _OUTPUTS, _KIND, _DOMAIN = 1, 2, 4, 7
_DIMENSIONS, _NAME = 1, 8
_SET_DOMAIN, _SET_VERSION = 1, 2
# Contrib operator of ONNX Runtime: weights of 8 bits, one scale a column; the other side is quantized as it comes.
_OPERATOR, _CONTRIB = b"DynamicQuantizeMatMul", b"com.microsoft"
_VARINT, _LONG, _BYTES, _SHORT = 0, 1, 2, 5


class _Field(NamedTuple):
    number: int
    value: bytes
    raw: bytes


@dataclass
class _Node:
    kind: bytes = b""
    inputs: list[bytes] = field(default_factory=list[bytes])
    outputs: list[bytes] = field(default_factory=list[bytes])


_NOTHING = _Node()


def use_int8(path: Path) -> None:
    """Rewrite the ONNX file at `path`: each product with `Cast(weights) * scale` becomes one with the weights themselves.

    The file is a message of protocol buffers (https://protobuf.dev/programming-guides/encoding/); what is not
    changed stays as it is, byte by byte, so that the result has one hash.
    """
    opset = _put(_SET_DOMAIN, _CONTRIB) + _put_number(_SET_VERSION, 1)
    written = [
        _put(_GRAPH, _change(one.value)) if one.number == _GRAPH else one.raw
        for one in _fields(path.read_bytes())
    ]
    path.write_bytes(b"".join([*written, _put(_OPSETS, opset)]))


def _change(graph: bytes) -> bytes:
    fields = list(_fields(graph))
    nodes = [_node(one.value) for one in fields if one.number == _NODES]
    makers = {output: node for node in nodes for output in node.outputs}
    kept = {_value(one.value, _NAME) for one in fields if one.number == _TENSORS}
    weights = {
        node.inputs[1]: (cast.inputs[0], scaled.inputs[1])
        for node in nodes
        if node.kind == b"MatMul"
        and (scaled := makers.get(node.inputs[1], _NOTHING)).kind == b"Mul"
        and (cast := makers.get(scaled.inputs[0], _NOTHING)).kind == b"Cast"
        and kept.issuperset((cast.inputs[0], scaled.inputs[1]))
    }
    scales = {scale for _, scale in weights.values()}
    unused = {name for output in weights for name in (output, makers[output].inputs[0])}
    changed: list[bytes] = []
    for one in fields:
        if one.number == _NODES:
            node = _node(one.value)
            if node.kind == b"MatMul" and node.inputs[1] in weights:
                changed.append(_put(_NODES, _product(one.value, node, weights)))
            elif unused.isdisjoint(node.outputs):
                changed.append(one.raw)
        elif one.number == _TENSORS and _value(one.value, _NAME) in scales:
            changed.append(_put(_TENSORS, _flat(one.value)))
        else:
            changed.append(one.raw)
    return b"".join(changed)


def _product(
    message: bytes, node: _Node, weights: dict[bytes, tuple[bytes, bytes]]
) -> bytes:
    inputs = [node.inputs[0], *weights[node.inputs[1]]]
    rest = [
        one.raw
        for one in _fields(message)
        if one.number not in (_INPUTS, _KIND, _DOMAIN)
    ]
    put = [_put(_INPUTS, name) for name in inputs]
    return b"".join([*put, *rest, _put(_KIND, _OPERATOR), _put(_DOMAIN, _CONTRIB)])


def _flat(tensor: bytes) -> bytes:
    """Return a tensor of one row as a plain list."""
    fields = list(_fields(tensor))
    first = next(one for one in fields if one.number == _DIMENSIONS)
    return b"".join(one.raw for one in fields if one is not first)


def _node(message: bytes) -> _Node:
    node = _Node(kind=_value(message, _KIND))
    for one in _fields(message):
        if one.number == _INPUTS:
            node.inputs.append(one.value)
        elif one.number == _OUTPUTS:
            node.outputs.append(one.value)
    return node


def _value(message: bytes, number: int) -> bytes:
    return next((one.value for one in _fields(message) if one.number == number), b"")


def _fields(message: bytes) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        begin = at
        tag, at = _number(message, at)
        number, kind = tag >> 3, tag & 7
        start = at
        if kind == _VARINT:
            _, at = _number(message, at)
        elif kind == _BYTES:
            length, start = _number(message, at)
            at = start + length
        else:
            at += {_LONG: 8, _SHORT: 4}[kind]
        yield _Field(number, message[start:at], message[begin:at])


def _number(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _put(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _put_number(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)
