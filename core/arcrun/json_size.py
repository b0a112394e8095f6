"""How large a JSON value is: in bytes as text, and in memory, where each number, list or object takes its own."""

import sys
from typing import Any, NamedTuple

from arcrun.interruptible import Steps, run_steps

VALUE_BYTES = 16  # of memory for a value beside its text, so that the estimate is about half of what Python takes
EXCERPT_CHARACTERS = 20_000
SMALL_CHARACTERS = 1_000  # of a JSON text that is not looked at: its weight is taken for SMALL_FACTOR of its length
SMALL_FACTOR = 4
STEP_VALUES, VALUES_A_UNIT = 1_000, 4
SCALAR_BYTES = 8  # of a number or a word as text, about


class Size(NamedTuple):
    """`bytes` are those of the text, as wide as Python keeps it; `values` all values and keys in it."""

    bytes: int
    values: int

    @property
    def weight(self) -> int:
        """What limits of memory count, in bytes."""
        return self.bytes + VALUE_BYTES * self.values


class Excerpt(NamedTuple):
    """What is remembered of a long text: its bytes, and its beginning."""

    bytes: int
    beginning: str


def excerpt(text: str) -> Excerpt | None:
    """None of a short one."""
    if len(text) <= EXCERPT_CHARACTERS:
        return None
    return Excerpt(length_in_utf8(text), text[:EXCERPT_CHARACTERS])


def length_in_utf8(text: str) -> int:
    """In bytes; half a surrogate pair takes three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def size_of_text(text: str) -> Size:
    """Of a JSON text, and at most as large as what it stands for: separators within strings count like others."""
    width = sys.getsizeof(text) // (len(text) or 1) if not text.isascii() else 1
    if "\\u" in text:  # what is ASCII as text may be wide once it is read
        width = max(width, 4 if "\\ud" in text or "\\uD" in text else 2)
    return Size(len(text) * width, 1 + sum(map(text.count, ",[{:")))


def size_of(value: Any, most_bytes: int = sys.maxsize, most_values: int = sys.maxsize) -> Size:
    """Of a JSON value. Counting ends where there is more than the most, so it never takes longer than that allows."""
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
