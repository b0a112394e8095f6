"""The filters of strings. Each raises FilterError."""

import base64
import re
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from arcrun.json_text import parse_json
from arcrun.templates.filters_values import FilterError, check_count, check_size, render_json

_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_HTML_TABLE = str.maketrans(_HTML)
# The unreserved characters of RFC 3986; JavaScript's encodeURIComponent has nearly the same.
_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_URL_SAFE = str.maketrans("-_", "+/")
_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


def upper(text: str) -> str:
    check_size(len(text))
    return text.upper()


def lower(text: str) -> str:
    check_size(len(text))
    return text.lower()


def trim(text: str) -> str:
    return text.strip()


def split(text: str, separator: str) -> list[str]:
    if not separator:
        raise FilterError("needs a separator that is not empty")
    check_count(text.count(separator) + 1)
    return text.split(separator)


def replace(text: str, search: str, replacement: str) -> str:
    if not search:
        raise FilterError("needs a search string that is not empty")
    check_size(len(text) + text.count(search) * (len(replacement) - len(search)))
    return text.replace(search, replacement)


def truncate(text: str, length: int, ending: str = "…") -> str:
    """At most `length` characters, including `ending` if something is cut off."""
    if length < len(ending):
        raise FilterError(f"needs a length of at least {len(ending)}, the length of its ending")
    return text if len(text) <= length else text[: length - len(ending)] + ending


def html_escape(text: str) -> str:
    check_size(len(text) + sum(text.count(char) * (len(entity) - 1) for char, entity in _HTML.items()))
    return text.translate(_HTML_TABLE)


def url_encode(text: str) -> str:
    """A URL component: UTF-8, with everything but letters, digits and `-._~` as %XX, a space as %20."""
    encoded = _encode_utf8(text)
    check_size(len(encoded) + 2 * len(encoded.translate(None, _UNRESERVED)))
    return quote(encoded, safe="")


def url_decode(text: str) -> str:
    """The string with %XX decoded; `+` is kept."""
    if _BROKEN_ESCAPE.search(text):
        raise FilterError("found a % without two hexadecimal digits")
    return _decode_utf8(unquote_to_bytes(text))


def encode_base64(text: str) -> str:
    encoded = _encode_utf8(text)
    check_size((len(encoded) + 2) // 3 * 4)
    return base64.b64encode(encoded).decode()


def decode_base64(text: str) -> str:
    """Decode either base64 alphabet, with or without padding."""
    digits = "".join(text.split()).translate(_URL_SAFE)
    if not _BASE64.fullmatch(digits) or len(digits.rstrip("=")) % 4 == 1:
        raise FilterError("found a string that is not base64")
    bare = digits.rstrip("=")
    return _decode_utf8(base64.b64decode(bare + "=" * (-len(bare) % 4)))


def write_json(value: Any) -> str:
    return render_json(value)


def read_json(text: str) -> Any:
    check_size(len(text))
    try:
        return parse_json(text)
    except ValueError:
        raise FilterError("found a string that is not JSON") from None


def to_string(value: Any) -> str:
    """The value as it appears within a string: a string unchanged, anything else as compact JSON."""
    return value if isinstance(value, str) else render_json(value)


def _encode_utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise FilterError("found half of a surrogate pair, which UTF-8 cannot encode") from None


def _decode_utf8(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise FilterError("found bytes that are not UTF-8") from None
