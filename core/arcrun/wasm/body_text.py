"""An answer's body as text: by its byte order mark, else by the charset that its content-type names, else in UTF-8.

Sources: WHATWG Encoding, section 6 ("decode"); RFC 9110, section 8.3.2 (charset).
"""

import re

from arcrun.ports import HttpResponse, TextDecoder

_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_CHARSET = re.compile(r""";\s*charset\s*=\s*"?([^\s";]+)""", re.IGNORECASE)
_UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")


def decode_body(response: HttpResponse, decoder: TextDecoder | None) -> str | None:
    """None if the body is not text in its charset. Where that is unknown or does not fit, the text may still be UTF-8.

    ASCII is read as UTF-8 where it is valid, unlike in a browser, which takes it for windows-1252.
    """
    body = response.body
    for mark, codec in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return _decode_strictly(body[len(mark) :], codec)
    label = _find_charset(response.headers.get("content-type", ""))
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
