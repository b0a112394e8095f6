"""Shared code of the filters: the kinds of JSON values, how a value is written in a string, and bounds on work."""

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from arcrun.json_size import Size, size_of, size_of_text
from arcrun.limits import MAX_FILTER_RESULT, MAX_JSON_VALUES, MAX_TEMPLATE_STEPS

_LEAST_IN_DIGITS, _LEAST_WITH_EXPONENT = 1e-6, 1e21  # thresholds of ECMAScript's notation of numbers
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
    """Why a filter failed, as the rest of a sentence. It never contains a value, which may be secret.

    `hint` says what to write instead of an argument. It may contain that argument, so it is shown only if the argument
    is in the workflow.
    """

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.hint = hint


def kind_of(value: Any) -> str:
    """The JSON type: "string", "number", "integer", "boolean", "null", "array" or "object"."""
    return _KINDS.get(type(value)) or "object"


def is_of_kind(value: Any, kinds: tuple[str, ...]) -> bool:
    """Whether the value is of one of `kinds`; an integer is also a number. Empty `kinds` means all."""
    kind = kind_of(value)
    return not kinds or kind in kinds or (kind == "integer" and "number" in kinds)


def name_kinds(kinds: Iterable[str]) -> str:
    """ "a string or a list", for a message."""
    return " or ".join(_NAMES[kind] for kind in kinds)


def render_text(value: Any) -> str:
    """A value within a string: strings unchanged, others as JSON with numbers as `render_number` writes them."""
    return value if isinstance(value, str) else _write(value, ", ", ": ", _encode)


def render_number(number: float) -> str:
    """A number in the notation of JavaScript and the components: 1000.0 is `1000`, 1e21 is `1e+21`, 1e-7 is `1e-7`.

    ECMAScript's Number::toString, https://tc39.es/ecma262/#sec-numeric-types-number-tostring.
    """
    digits, _, exponent = repr(number).partition("e")
    if _LEAST_IN_DIGITS <= abs(number) < _LEAST_WITH_EXPONENT or number == 0:
        written = format(Decimal(repr(number)), "f") if exponent else digits
        return "0" if number == 0 else written.removesuffix(".0")
    return f"{digits.removesuffix('.0')}e{int(exponent):+}"


def render_json(value: Any) -> str:
    """Compact JSON, with the keys in their original order. Raises FilterError."""
    check_size(size_of(value, MAX_FILTER_RESULT).bytes)
    written = _write(value, ",", ":", _encode_compactly)
    check_size(len(written))
    return written


def check_size(size: int) -> None:
    """Call it before creating a string of `size` characters. Raises FilterError."""
    if size > MAX_FILTER_RESULT:
        raise FilterError(f"would have a result of {size} characters; the limit is {MAX_FILTER_RESULT}")


def check_count(count: int) -> None:
    """Call it before creating a list of `count` elements. Raises FilterError."""
    if count > MAX_JSON_VALUES:
        raise FilterError(f"would have a result of {count} elements; the limit is {MAX_JSON_VALUES}")


# The cost of filters. A step is one visited element, or as many characters as take the same time: about 2 µs on
# Pyodide; benchmarks/run.py prints it.
CHARACTERS_A_STEP = 64
COPIED_A_STEP = 1024  # elements or characters that are copied at once
CODED_A_STEP = 8  # characters of a URL


def count_shallow(value: Any) -> int:
    return 1 + len(value) // COPIED_A_STEP if isinstance(value, str | list | dict) else 1


def count_elements(values: list[Any]) -> int:
    return 1 + len(values)


def count_written(value: Any) -> int:
    """The steps of writing JSON: a float takes twice as long as other values."""
    size = size_of(value, most_values=MAX_TEMPLATE_STEPS)
    return size.values + _count_size(size)


def count_slow_elements(values: list[Any]) -> int:
    """The steps of sorting and of adding decimals, which take twice as long per element."""
    return 1 + 2 * len(values)


def count_inner_elements(values: list[Any]) -> int:
    return 1 + sum(len(value) if isinstance(value, list) else 1 for value in values)


def count_text(text: Any) -> int:
    return 1 + len(text) // CHARACTERS_A_STEP if isinstance(text, str) else 1


def count_coded(text: str) -> int:
    return 1 + len(text) // CODED_A_STEP


def count_values(value: Any) -> int:
    """The steps for all values inside, counted only up to the allowed steps."""
    return _count_size(size_of(value, most_values=MAX_TEMPLATE_STEPS))


def count_parsed(text: str) -> int:
    return _count_size(size_of_text(text))


def _count_size(size: Size) -> int:
    return size.values + size.bytes // CHARACTERS_A_STEP


def _write(value: Any, comma: str, colon: str, encode: Callable[[Any], str]) -> str:
    """`encode` is used for everything without floats, which it would write in Python's notation."""
    return _write_each(value, comma, colon, encode) if _holds_float(value) else encode(value)


def _write_each(value: Any, comma: str, colon: str, encode: Callable[[Any], str]) -> str:
    if isinstance(value, float):
        return render_number(value)
    if isinstance(value, list):
        return f"[{comma.join([_write_each(item, comma, colon, encode) for item in value])}]"
    if isinstance(value, dict):
        fields = [f"{encode(str(key))}{colon}{_write_each(item, comma, colon, encode)}" for key, item in value.items()]
        return f"{{{comma.join(fields)}}}"
    return encode(value)


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
