"""Converts values for JavaScript."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from js import Object
from pyodide.ffi import JsProxy, to_js

LARGE_BYTES = 256 * 1024


def take_bytes(buffer: Any) -> bytes:
    """The bytes of an ArrayBuffer that nobody needs any more."""
    content: bytes = buffer.to_bytes()
    if len(content) > LARGE_BYTES:
        release(buffer)
    return content


def release(buffer: Any) -> None:
    """Free an ArrayBuffer now: of memory outside of its heap V8 thinks too late."""
    buffer.transfer(0)


@contextmanager
def lend_bytes(content: bytes) -> Iterator[Any]:
    """A Uint8Array of the bytes, for as long as the block takes."""
    lent = to_js(content)
    try:
        yield lent
    finally:
        if len(content) > LARGE_BYTES:
            release(lent.buffer)


def to_object(value: Mapping[str, Any]) -> JsProxy:
    """A plain object from a mapping, nested mappings included, such as the platform's functions take as options."""
    return to_js(value, dict_converter=Object.fromEntries)
