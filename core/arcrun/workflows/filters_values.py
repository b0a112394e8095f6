"""What the filters share: the kinds of JSON values, how a value is written as text, and the bounds of their work."""

import json
from collections.abc import Iterable
from typing import Any

MAX_FILTERS = 16  # of one reference
MAX_RESULT = 4 * 1024 * 1024  # characters of a text, or elements, that a filter takes or makes

_NAMES = {
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
_KINDS: dict[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
    list: "array",
    dict: "object",
}
_encode = json.JSONEncoder(ensure_ascii=False).encode
_encode_compactly = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class FilterError(ValueError):
    """Why a filter cannot do its work, as the rest of a sentence. It never holds a value, which may be secret."""


def kind_of(value: Any) -> str:
    """The JSON type: "string", "number", "integer", "boolean", "null", "array" or "object"."""
    return _KINDS.get(type(value)) or "object"


def is_of_kind(value: Any, kinds: tuple[str, ...]) -> bool:
    """Whether it is of one of `kinds`; an integer is a number too. No kinds are all kinds."""
    kind = kind_of(value)
    return not kinds or kind in kinds or (kind == "integer" and "number" in kinds)


def name_kinds(kinds: Iterable[str]) -> str:
    """ "a string or a list", for a message."""
    return " or ".join(_NAMES[kind] for kind in kinds)


def render_text(value: Any) -> str:
    """A value within a text: strings as they are, others as JSON."""
    return value if isinstance(value, str) else _encode(value)


def render_json(value: Any) -> str:
    """Compact JSON, with the keys in their order. Raises FilterError."""
    check_size(_measure(value))
    written = _encode_compactly(value)
    check_size(len(written))
    return written


def check_size(size: int) -> None:
    """Before a result of `size` characters or elements is made. Raises FilterError."""
    if size > MAX_RESULT:
        raise FilterError(f"would have a result of {size} characters or elements, and {MAX_RESULT} are the limit")


def _measure(value: Any) -> int:
    """The characters and elements in a value, counted no further than the limit."""
    size, pending = 0, [value]
    while pending and size <= MAX_RESULT:
        item = pending.pop()
        size += 1
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, list):
            size += len(item)
            pending += item
        elif isinstance(item, dict):
            size += sum(map(len, item))
            pending += item.values()
    return size
