"""Decodes a body: by its byte order mark, else by the charset of its content-type, else as UTF-8.

Sources: WHATWG Encoding, section 6 ("decode"); RFC 9110, section 8.3.2 (charset).
"""

import re

from arcrun.ports import HttpResponse, TextDecoder

_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_CHARSET = re.compile(r""";\s*charset\s*=\s*"?([^\s";]+)""", re.IGNORECASE)
_UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")


def decode_body(response: HttpResponse, decoder: TextDecoder | None) -> str | None:
    """A response's decoded body, as `decode_content`."""
    return decode_content(response.body, response.headers.get("content-type", ""), decoder)


def decode_content(body: bytes, content_type: str, decoder: TextDecoder | None) -> str | None:
    """The decoded body; None if it is not valid in its charset. If that is unknown or does not match, UTF-8 is tried.

    ASCII is read as UTF-8 where valid, unlike in a browser, which treats it as windows-1252.
    """
    for mark, codec in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return _decode_strictly(body[len(mark) :], codec)
    label = _find_charset(content_type)
    text = _decode_strictly(body, "utf-8") if label in _UTF_8 else None
    if text is None and label != "utf-8" and decoder is not None:
        text = decoder.decode(body, label)
    return _decode_strictly(body, "utf-8") if text is None else text


def _find_charset(content_type: str) -> str:
    found = _CHARSET.search(content_type)
    return found[1].lower() if found else "utf-8"


def _decode_strictly(content: bytes, codec: str) -> str | None:
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        return None
