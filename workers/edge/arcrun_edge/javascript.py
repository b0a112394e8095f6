"""Converts values for JavaScript."""

from collections.abc import Mapping
from typing import Any

from js import Object
from pyodide.ffi import JsProxy, to_js

LARGE_BYTES = 256 * 1024  # of what is worth a call


def take_bytes(buffer: Any) -> bytes:
    """The bytes of an ArrayBuffer that nobody needs any more."""
    content: bytes = buffer.to_bytes()
    if len(content) > LARGE_BYTES:
        release(buffer)
    return content


def release(buffer: Any) -> None:
    """Free an ArrayBuffer now: of memory outside of its heap V8 thinks too late."""
    buffer.transfer(0)


class lend_bytes:  # noqa: N801 - used like a function; a generator would take longer
    """A context: a Uint8Array of the bytes, for as long as it lasts."""

    __slots__ = ("_content", "_lent")

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __enter__(self) -> Any:
        self._lent = to_js(self._content)
        return self._lent

    def __exit__(self, *_: object) -> None:
        if len(self._content) > LARGE_BYTES:
            release(self._lent.buffer)


def to_object(value: Mapping[str, Any]) -> JsProxy:
    """A plain object from a mapping, nested mappings included, such as the platform's functions take as options."""
    return to_js(value, dict_converter=Object.fromEntries)
