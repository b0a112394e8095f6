"""A response's `file`: its content in base64, and the header that names it."""

import binascii
from urllib.parse import quote

FILE_KEYS = ("base64", "content_type", "filename")
DEFAULT_TYPE = "application/octet-stream"
_ATTR_CHARS = "!#$&+-.^_`|~"  # RFC 8187, section 3.2.1: attr-char, besides letters and digits


def decode_base64(text: str) -> bytes | None:
    """The content; None if the text is not base64 in the standard alphabet. Line breaks do not count."""
    try:
        return binascii.a2b_base64("".join(text.split()).encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        return None


def render_disposition(filename: str) -> str:
    """A Content-Disposition by which browsers save the file under its name (RFC 6266, RFC 8187)."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\/%' else "_" for char in filename)
    extended = f"; filename*=UTF-8''{quote(filename, _ATTR_CHARS, errors='replace')}" if plain != filename else ""
    return f'attachment; filename="{plain}"{extended}'
