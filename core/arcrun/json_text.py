"""JSON as RFC 8259 has it, from untrusted text.

Python's own reader also takes NaN and Infinity, which nothing else can read back; and text nested some thousand deep
overflows the stack of WebAssembly, which ends the whole isolate before Python can raise RecursionError.
"""

import json
import math
import re
from itertools import accumulate
from typing import Any

MAX_DEPTH = 128  # the components' own parser has the same limit

_ESCAPE = re.compile(r"\\.", re.DOTALL)
_STRING = re.compile(r'"[^"]*"')
_NOT_A_BRACKET = re.compile(r"[^\[\]{}]+")
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}


def parse_json(text: str) -> Any:
    """Raises ValueError."""
    _validate_depth(text)
    return _DECODER.decode(text)


def _validate_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    brackets = _NOT_A_BRACKET.sub("", _STRING.sub("", _ESCAPE.sub("", text)))
    if any(depth > MAX_DEPTH for depth in accumulate(map(_STEP.__getitem__, brackets))):
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _parse_finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits} is out of range")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_parse_finite)
