"""JSON as RFC 8259 has it, from untrusted text.

Python's own reader also takes NaN and Infinity, which nothing else can read back; text nested some thousand deep
overflows the stack of WebAssembly, which ends the whole isolate before Python can raise RecursionError; and a text of a
few million values takes a second, and as many objects.
"""

import json
import math
import re
import sys
from collections.abc import Callable
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
_WHITE_SPACE = " \t\n\r"
_SPACES = re.compile(f"[{_WHITE_SPACE}]*")


def parse_json(text: str) -> Any:
    """Raises ValueError; of what is JSON, and more than can be read here, JsonLimitError."""
    if len(text) > MAX_JSON_DEPTH:
        _validate_structure(text)
    try:
        return _decode(text)
    except (json.JSONDecodeError, JsonLimitError, _NumberError):
        raise
    except ValueError:  # of int(): its words are of Python's settings. A hook for integers would slow each of them
        raise JsonLimitError(f"it has an integer of more than {MAX_INTEGER_DIGITS} digits") from None


def _decode(text: str) -> Any:
    """As JSONDecoder.decode, which takes as long again over white space that most texts have none of."""
    start = _skip(text, 0) if text[:1] in _WHITE_SPACE else 0
    try:
        value, end = _scan(text, start)
    except StopIteration as stopped:
        raise json.JSONDecodeError("Expecting value", text, stopped.value) from None
    if end != len(text) and (end := _skip(text, end)) != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def _skip(text: str, start: int) -> int:
    """Where the white space at `start` ends."""
    return _SPACES.match(text, start).end()  # type: ignore[union-attr]


def escape_surrogates(text: str) -> str:
    """Half a surrogate pair as JSON writes it, `\\ud800`: JSON's escapes can make one, and UTF-8 cannot write it."""
    return _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


class JsonLimitError(ValueError):
    """JSON, but deeper, longer or with a larger number than can be read here. Its text says which, of `it`."""


class _NumberError(ValueError):
    """A number that JSON does not have."""


def _validate_structure(text: str) -> None:
    """Whether there is no more of it, and no deeper, than Python can read in some tens of milliseconds."""
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


_decoder: Any = json.JSONDecoder(parse_constant=_refuse, parse_float=_parse_finite)
_scan = _decoder.scan_once


def build_json_writer(
    *, ensure_ascii: bool = True, allow_nan: bool = True, separators: tuple[str, str] = (", ", ": ")
) -> Callable[[Any], str]:
    """A `json.dumps` of these settings, for values that hold themselves nowhere: the encoder is made once, which takes
    longer than writing a short text.
    """
    encoder: Any = json.encoder
    between, after_key = separators
    if encoder.c_make_encoder is None:
        whole = json.JSONEncoder(ensure_ascii=ensure_ascii, allow_nan=allow_nan, separators=separators)
        return whole.encode
    write_text = encoder.encode_basestring_ascii if ensure_ascii else encoder.encode_basestring
    refuse = json.JSONEncoder().default
    write = encoder.c_make_encoder(None, refuse, write_text, None, after_key, between, False, False, allow_nan)
    return lambda value: "".join(write(value, 0))


write_json = build_json_writer()  # as `json.dumps` writes it
