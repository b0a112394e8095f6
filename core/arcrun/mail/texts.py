"""Texts of a message: charsets, encoded words (RFC 2047), and what may not stand in them."""

import codecs
import email.header
import re
from collections.abc import Mapping
from email.errors import HeaderParseError

# No `?` within a word: what looks like the beginning of many is read once.
_WORD = re.compile(r"=\?[^?\s]{1,60}\?[bBqQ]\?[^?]{0,1000}\?=")
_BETWEEN_WORDS = re.compile(rf"({_WORD.pattern})[ \t\r\n]+(?={_WORD.pattern})")
_FOLD = re.compile(r"[\r\n]+[ \t]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_END = re.compile(r"\r\n?")
# Charsets by the names of Python's codecs, and the codec by which each is read: where senders mean more than they say,
# the one that has more.
_CODECS: Mapping[str, str] = {
    **{name: name for name in ("utf-7", "utf-16", "utf-32", "big5hkscs", "euc_jp", "gb18030", "hz", "iso2022_jp_ext")},
    **{name: name for name in ("iso2022_kr", "johab", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "cp437")},
    **{f"cp{page}": f"cp{page}" for page in (850, 852, 866, 874, 949, 932, *range(1250, 1259))},
    **{f"iso8859-{part}": f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{"utf-8": "utf-8", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874"},
    **{"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "euc_kr": "cp949", "shift_jis": "cp932"},
    **{"iso2022_jp": "iso2022_jp_ext", "iso2022_jp_1": "iso2022_jp_ext", "iso2022_jp_2": "iso2022_jp_2"},
}
# What Python has under another name, or under none.
_ALIASES = {"unicode-1-1-utf-7": "utf-7", "cp-850": "cp850", "ms949": "cp949", "ansi_x3.110-1983": "iso8859-1"}
_LONGEST_LABEL = 40


def decode_text(content: bytes, charset: str) -> str:
    """The text in a charset, with a replacement for each octet that is not of it. Where the charset is unknown it is
    read as UTF-8 if it is that, else as what most senders mean who say nothing.
    """
    codec = _find_codec(charset)
    if codec is None:
        try:
            return clean_text(content.decode("utf-8-sig"))
        except UnicodeDecodeError:
            codec = "cp1252"
    return clean_text(content.decode(codec, "replace").removeprefix("\ufeff"))


def _find_codec(charset: str) -> str | None:
    """None for a charset that is not known, and for plain ASCII, of which nobody who has more says so."""
    label = charset.strip().lower()
    if not label.isascii() or len(label) > _LONGEST_LABEL:
        return None
    try:
        return _CODECS.get(codecs.lookup(_ALIASES.get(label, label)).name)
    except (LookupError, ValueError):
        return None


def decode_header(raw: str) -> str:
    """The value of a header: unfolded, with its encoded words decoded, and on one line."""
    value = _BETWEEN_WORDS.sub(r"\1", _FOLD.sub(" ", _decode_raw(raw)))
    return clean_line(_WORD.sub(lambda word: _decode_word(word[0]), value))


def clean_line(text: str) -> str:
    """On one line: no value can end its header."""
    return _CONTROL.sub(" ", _FOLD.sub(" ", clean_text(text))).strip()


def clean_text(text: str) -> str:
    """Without lone surrogates, which no JSON has, and NUL; lines end with a line feed."""
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _LINE_END.sub("\n", joined).replace("\0", "\ufffd")


def _decode_raw(raw: str) -> str:
    """The parser keeps bytes that are not ASCII as surrogates: they are UTF-8 (RFC 6532), or nobody knows what."""
    if raw.isascii():
        return raw
    return decode_text(raw.encode("ascii", "surrogateescape"), "") if _is_escaped(raw) else raw


def _is_escaped(text: str) -> bool:
    try:
        text.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _decode_word(word: str) -> str:
    """An encoded word that cannot be read stays as it is."""
    try:
        [(content, charset)] = email.header.decode_header(word)
    except (HeaderParseError, ValueError):
        return word
    if isinstance(content, str):
        return content
    return decode_text(content, (charset or "").partition("*")[0])  # a language may follow (RFC 2231)
