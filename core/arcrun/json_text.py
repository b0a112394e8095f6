"""JSON according to RFC 8259, from untrusted strings.

Python's parser also accepts NaN and Infinity, which other parsers reject; nesting of some thousand levels overflows the
stack of WebAssembly, which ends the whole isolate before Python can raise RecursionError; and a string with a few
million values takes a second, and as many objects.
"""

import json
import math
import re
import sys
from collections.abc import Callable
from itertools import accumulate
from typing import Any

from arcrun.limits import MAX_INTEGER_DIGITS, MAX_JSON_DEPTH, MAX_JSON_VALUES

sys.set_int_max_str_digits(MAX_INTEGER_DIGITS)  # for int() and str(), process-wide: Python accepts no lower limit
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
    """Parse JSON. Raises ValueError; JsonLimitError for valid JSON beyond the limits."""
    if len(text) > MAX_JSON_DEPTH:
        _validate_structure(text)
    try:
        return _decode(text)
    except (json.JSONDecodeError, JsonLimitError, _NumberError):
        raise
    except ValueError:  # from int(), with a message about Python's settings. A hook would slow down every integer
        raise JsonLimitError(f"it has an integer of more than {MAX_INTEGER_DIGITS} digits") from None


def _decode(text: str) -> Any:
    """Like JSONDecoder.decode, which takes twice as long because of white space that most strings do not have."""
    start = _skip(text, 0) if text[:1] in _WHITE_SPACE else 0
    try:
        value, end = _scan(text, start)
    except StopIteration as stopped:
        raise json.JSONDecodeError("Expecting value", text, stopped.value) from None
    if end != len(text) and (end := _skip(text, end)) != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def _skip(text: str, start: int) -> int:
    """The end of the white space at `start`."""
    return _SPACES.match(text, start).end()  # type: ignore[union-attr]


def escape_surrogates(text: str) -> str:
    """Write lone surrogates as JSON escapes, `\\ud800`: JSON's escapes can produce them, and UTF-8 cannot
    encode them.
    """
    return _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


class JsonLimitError(ValueError):
    """Valid JSON that is nested too deeply, is too long or has too large a number. The message says which, of `it`."""


class _NumberError(ValueError):
    """A number that is not valid JSON."""


def _validate_structure(text: str) -> None:
    """Check that it is not longer or deeper than Python can parse in some tens of milliseconds."""
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
    """Whether the nesting exceeds `most`. The innermost level is removed a few times, which suffices for most strings;
    the rest is scanned bracket by bracket.
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
    """A function like `json.dumps` with these settings, for values without cycles. It creates the encoder only once,
    because that takes longer than writing a short string.
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


write_json = build_json_writer()  # the output of `json.dumps`
