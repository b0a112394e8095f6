"""What the filters share: the kinds of JSON values, how a value is written as text, and the bounds of their work."""

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from arcrun.limits import MAX_FILTER_RESULT

_LEAST_IN_DIGITS, _LEAST_WITH_EXPONENT = 1e-6, 1e21  # of numbers, as ECMAScript writes them
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
    """Why a filter cannot do its work, as the rest of a sentence. It never holds a value, which may be secret.

    `hint` says what to write instead of an argument. It may hold that argument, so it is shown only where the argument
    stands in the workflow.
    """

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.hint = hint


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
    """A value within a text: strings as they are, others as JSON, with numbers as `render_number` writes them."""
    return value if isinstance(value, str) else _write(value, ", ", ": ", _encode)


def render_number(number: float) -> str:
    """As JavaScript and the components do: 1000.0 is `1000`, 1e21 is `1e+21`, 1e-7 is `1e-7`.

    ECMAScript's Number::toString, https://tc39.es/ecma262/#sec-numeric-types-number-tostring.
    """
    digits, _, exponent = repr(number).partition("e")
    if _LEAST_IN_DIGITS <= abs(number) < _LEAST_WITH_EXPONENT or number == 0:
        written = format(Decimal(repr(number)), "f") if exponent else digits
        return "0" if number == 0 else written.removesuffix(".0")
    return f"{digits.removesuffix('.0')}e{int(exponent):+}"


def render_json(value: Any) -> str:
    """Compact JSON, with the keys in their order. Raises FilterError."""
    check_size(_measure(value))
    written = _write(value, ",", ":", _encode_compactly)
    check_size(len(written))
    return written


def check_size(size: int) -> None:
    """Before a result of `size` characters or elements is made. Raises FilterError."""
    if size > MAX_FILTER_RESULT:
        raise FilterError(f"would have a result of {size} characters or elements; {MAX_FILTER_RESULT} are the limit")


def _write(value: Any, comma: str, colon: str, encode: Callable[[Any], str]) -> str:
    """`encode` for all but what holds floats, which it would write as Python does."""
    if isinstance(value, float):
        return render_number(value)
    if not isinstance(value, list | dict) or not _holds_float(value):
        return encode(value)
    if isinstance(value, list):
        return f"[{comma.join([_write(item, comma, colon, encode) for item in value])}]"
    fields = [f"{encode(str(key))}{colon}{_write(item, comma, colon, encode)}" for key, item in value.items()]
    return f"{{{comma.join(fields)}}}"


def _holds_float(value: Any) -> bool:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, float):
            return True
        if isinstance(item, list):
            pending += item
        elif isinstance(item, dict):
            pending += item.values()
    return False


def _measure(value: Any) -> int:
    """The characters and elements in a value, counted no further than the limit."""
    size, pending = 0, [value]
    while pending and size <= MAX_FILTER_RESULT:
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
