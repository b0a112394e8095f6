"""JSON as RFC 8259 has it, from untrusted text.

Python's own reader also takes NaN and Infinity, which nothing else can read back; and text nested some thousand deep
overflows the stack of WebAssembly, which ends the whole isolate before Python can raise RecursionError.
"""

import json
import math
import re
from itertools import accumulate
from typing import Any

from arcrun.limits import MAX_INTEGER_DIGITS, MAX_JSON_DEPTH

_MAX_SHOWN = 40  # digits of a number
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_STRING = re.compile(r'"[^"]*"')
_NOT_A_BRACKET = re.compile(r"[^\[\]{}]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}


def parse_json(text: str) -> Any:
    """Raises ValueError."""
    _validate_depth(text)
    try:
        return _DECODER.decode(text)
    except (json.JSONDecodeError, _NumberError):
        raise
    except ValueError:  # of int(): its words are of Python's settings. A hook for integers would slow each of them
        raise ValueError(f"an integer in it has more than {MAX_INTEGER_DIGITS} digits") from None


def escape_surrogates(text: str) -> str:
    """Half a surrogate pair as JSON writes it, `\\ud800`: JSON's escapes can make one, and UTF-8 cannot write it."""
    return _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


class _NumberError(ValueError):
    """A number that JSON does not have."""


def _validate_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_JSON_DEPTH:
        return
    brackets = _NOT_A_BRACKET.sub("", _STRING.sub("", _ESCAPE.sub("", text)))
    if any(depth > MAX_JSON_DEPTH for depth in accumulate(map(_STEP.__getitem__, brackets))):
        raise ValueError(f"it is nested more than {MAX_JSON_DEPTH} deep")


def _refuse(name: str) -> float:
    raise _NumberError(f"{name} is not JSON")


def _parse_finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        shown = digits if len(digits) <= _MAX_SHOWN else f"{digits[:_MAX_SHOWN]}…"
        raise _NumberError(f"{shown} is out of range")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_parse_finite)
