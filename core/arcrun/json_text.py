"""JSON as RFC 8259 has it, from untrusted text.

Python's own reader also takes NaN and Infinity, which nothing else can read back; text nested some thousand deep
overflows the stack of WebAssembly, which ends the whole isolate before Python can raise RecursionError; and a text of a
few million values takes a second, and as many objects.
"""

import json
import math
import re
import sys
from itertools import accumulate
from typing import Any

from arcrun.limits import MAX_INTEGER_DIGITS, MAX_JSON_DEPTH, MAX_JSON_VALUES

sys.set_int_max_str_digits(MAX_INTEGER_DIGITS)  # of int() and str(), in the whole program: Python takes no less
_MAX_SHOWN = 40  # digits of a number
_SURROGATE = re.compile("[\ud800-\udfff]")
_STRING = re.compile(rb'"[^"]*"')
_NO_SIGNS = bytes(set(range(256)) - set(b'[]{},"'))
_AS_LISTS = bytes.maketrans(b"{}", b"[]")
_STEP = dict(zip(b"[]", (1, -1), strict=True))
_COLLAPSES = 8


def parse_json(text: str) -> Any:
    """Raises ValueError; of what is JSON, and more than can be read here, JsonLimitError."""
    _validate_structure(text)
    try:
        return _DECODER.decode(text)
    except (json.JSONDecodeError, JsonLimitError, _NumberError):
        raise
    except ValueError:  # of int(): its words are of Python's settings. A hook for integers would slow each of them
        raise JsonLimitError(f"it has an integer of more than {MAX_INTEGER_DIGITS} digits") from None


def escape_surrogates(text: str) -> str:
    """Half a surrogate pair as JSON writes it, `\\ud800`: JSON's escapes can make one, and UTF-8 cannot write it."""
    return _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


class JsonLimitError(ValueError):
    """JSON, but deeper, longer or with a larger number than can be read here. Its text says which, of `it`."""


class _NumberError(ValueError):
    """A number that JSON does not have."""


def _validate_structure(text: str) -> None:
    """Whether there is no more of it, and no deeper, than Python can read in some tens of milliseconds."""
    if len(text) <= MAX_JSON_DEPTH:
        return
    opened = text.count("[") + text.count("{")
    if opened <= MAX_JSON_DEPTH and opened + text.count(",") <= MAX_JSON_VALUES:
        return
    signs = _signs_of(text)
    if signs.count(b"[") + signs.count(b"{") + signs.count(b",") > MAX_JSON_VALUES:
        raise JsonLimitError(f"it has more than {MAX_JSON_VALUES} values")
    if _is_deeper(signs.replace(b",", b""), MAX_JSON_DEPTH):
        raise JsonLimitError(f"it is nested deeper than {MAX_JSON_DEPTH}")


def _signs_of(text: str) -> bytes:
    """The brackets and commas outside of strings."""
    unescaped = text.encode("utf-8", "surrogatepass").replace(b"\\\\", b"").replace(b'\\"', b"")
    return _STRING.sub(b"", unescaped.translate(None, _NO_SIGNS).replace(b'""', b""))


def _is_deeper(brackets: bytes, most: int) -> bool:
    """The innermost level is taken out a few times, which is all that most texts need; the rest is gone through one by
    one.
    """
    brackets = brackets.translate(_AS_LISTS)
    for _ in range(_COLLAPSES):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return any(depth > most - _COLLAPSES for depth in accumulate(map(_STEP.__getitem__, brackets)))


def _refuse(name: str) -> float:
    raise _NumberError(f"{name} is not JSON")


def _parse_finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        shown = digits if len(digits) <= _MAX_SHOWN else f"{digits[:_MAX_SHOWN]}…"
        raise JsonLimitError(f"it has a number that is too large for a double: {shown}")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_parse_finite)
