"""Reads what a GGUF file says about itself: window, chat template, control tokens."""

import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MAGIC = b"GGUF"
_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING = 8
_ARRAY = 9
_CONTROL = 3
_USER_DEFINED = 4


class NotGguf(ValueError):
    """The file is not a GGUF model."""


@dataclass(frozen=True)
class Gguf:
    """The metadata of a model file; `offsets` says where the bytes of each string value start."""

    values: dict[str, Any]
    offsets: dict[str, int]

    @property
    def architecture(self) -> str:
        """Family of the model, such as `llama`."""
        return str(self.values.get("general.architecture", ""))

    @property
    def context_length(self) -> int | None:
        """Window that the model was trained for, in tokens."""
        return self.values.get(f"{self.architecture}.context_length")

    @property
    def chat_template(self) -> str | None:
        """Jinja template that turns messages into a prompt."""
        return self.values.get("tokenizer.chat_template")

    @property
    def control_tokens(self) -> list[str]:
        """Tokens with a meaning of their own, such as the end of a turn; longest first."""
        tokens: list[str] = self.values.get("tokenizer.ggml.tokens", [])
        kinds: list[int] = self.values.get("tokenizer.ggml.token_type", [])
        found = [
            token
            for token, kind in zip(tokens, kinds, strict=False)
            if kind in (_CONTROL, _USER_DEFINED) and len(token) > 1 and token.strip()
        ]
        return sorted(found, key=len, reverse=True)

    def token(self, role: str) -> str:
        """Return the text of the token that plays `role` (`bos`, `eos`), or nothing."""
        tokens: list[str] = self.values.get("tokenizer.ggml.tokens", [])
        index: int | None = self.values.get(f"tokenizer.ggml.{role}_token_id")
        return tokens[index] if index is not None and index < len(tokens) else ""


def read(path: Path) -> Gguf:
    """Return the metadata of the model at `path`.

    Raises:
        NotGguf: the file is something else, or is cut off.
    """
    with path.open("rb") as file:
        if file.read(4) != _MAGIC:
            message = f"{path.name!r} is not a GGUF file."
            raise NotGguf(message)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            try:
                return _Reader(view).metadata()
            except (struct.error, KeyError, UnicodeDecodeError) as error:
                message = f"The metadata of {path.name!r} cannot be read."
                raise NotGguf(message) from error


class _Reader:
    def __init__(self, view: mmap.mmap) -> None:
        self._view = view
        self._at = 4

    def metadata(self) -> Gguf:
        _version, _tensors, count = (
            self._scalar("<I"),
            self._scalar("<Q"),
            self._scalar("<Q"),
        )
        values: dict[str, Any] = {}
        offsets: dict[str, int] = {}
        for _ in range(count):
            key = self._string()
            kind = self._scalar("<I")
            if kind == _STRING:
                offsets[key] = self._at + 8
            values[key] = self._value(kind)
        return Gguf(values, offsets)

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._scalar(_SCALARS[kind])
        item, length = self._scalar("<I"), self._scalar("<Q")
        if item in (_STRING, _ARRAY):
            read_one: Callable[[], Any] = (
                self._string if item == _STRING else lambda: self._value(item)
            )
            return [read_one() for _ in range(length)]
        form = f"<{length}{_SCALARS[item][1]}"
        values = struct.unpack_from(form, self._view, self._at)
        self._at += struct.calcsize(form)
        return list(values)

    def _scalar(self, form: str) -> Any:
        (value,) = struct.unpack_from(form, self._view, self._at)
        self._at += struct.calcsize(form)
        return value

    def _string(self) -> str:
        length = self._scalar("<Q")
        start, self._at = self._at, self._at + length
        if self._at > len(self._view):
            message = "A string runs beyond the end of the file."
            raise struct.error(message)
        return self._view[start : self._at].decode(errors="replace")
