"""The size of a JSON value: in bytes as JSON, and in memory, where each number, list or object is an object."""

import sys
from typing import Any, NamedTuple

from arcrun.interruptible import Steps, run_steps

VALUE_BYTES = 16  # memory per value in addition to its JSON; the estimate is about half of Python's actual use
EXCERPT_CHARACTERS = 20_000
SMALL_CHARACTERS = (
    1_000  # up to this length JSON is not measured: its weight is estimated as SMALL_FACTOR times its length
)
SMALL_FACTOR = 4
STEP_VALUES, VALUES_A_UNIT = 1_000, 4
SCALAR_BYTES = 8  # approximate length of a number or a word as JSON


class Size(NamedTuple):
    """`bytes` is the size of the JSON, with Python's width per character; `values` counts all values and keys in it."""

    bytes: int
    values: int

    @property
    def weight(self) -> int:
        """The bytes that memory limits count."""
        return self.bytes + VALUE_BYTES * self.values


class Excerpt(NamedTuple):
    """The remembered part of a long string: its size in bytes, and its beginning."""

    bytes: int
    beginning: str


def excerpt(text: str) -> Excerpt | None:
    """The excerpt of a string; None for a short one."""
    if len(text) <= EXCERPT_CHARACTERS:
        return None
    return Excerpt(length_in_utf8(text), text[:EXCERPT_CHARACTERS])


def length_in_utf8(text: str) -> int:
    """The length in bytes; half a surrogate pair takes three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def size_of_text(text: str) -> Size:
    """The size of a JSON string; an upper bound for its value, because separators within strings are counted too."""
    width = sys.getsizeof(text) // (len(text) or 1) if not text.isascii() else 1
    if "\\u" in text:  # escapes in ASCII may become wide characters
        width = max(width, 4 if "\\ud" in text or "\\uD" in text else 2)
    return Size(len(text) * width, 1 + sum(map(text.count, ",[{:")))


def size_of(value: Any, most_bytes: int = sys.maxsize, most_values: int = sys.maxsize) -> Size:
    """The size of a JSON value. Counting stops beyond the maximum, which bounds its time."""
    return run_steps(size_of_in_steps(value, most_bytes, most_values))


def size_of_in_steps(value: Any, most_bytes: int = sys.maxsize, most_values: int = sys.maxsize) -> Steps[Size]:
    size, values, pending, next_step = 0, 0, [value], STEP_VALUES
    while pending and size <= most_bytes and values <= most_values:
        if values >= next_step:
            yield (values - next_step + STEP_VALUES) // VALUES_A_UNIT
            next_step = values + STEP_VALUES
        item = pending.pop()
        values += 1
        if isinstance(item, str):
            size += _width_of(item)
        elif isinstance(item, list):
            size += 2 * len(item) + 2
            pending += item
        elif isinstance(item, dict):
            values += len(item)
            size += 4 * len(item) + 2 + sum(map(_width_of, item))
            pending += item.values()
        else:
            size += SCALAR_BYTES
    return Size(size, values)


def _width_of(text: str) -> int:
    return 2 + (len(text) if text.isascii() else sys.getsizeof(text))
