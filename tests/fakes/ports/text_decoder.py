"""A TextDecoder that knows a few labels, decoded with Python's codecs."""

_CODECS = {
    "windows-1252": "cp1252",
    "iso-8859-1": "cp1252",
    "iso-8859-15": "iso8859-15",
    "shift_jis": "cp932",
    "utf-16": "utf-16-le",
}


class FakeTextDecoder:
    def decode(self, content: bytes, label: str) -> str | None:
        codec = _CODECS.get(label)
        try:
            return None if codec is None else content.decode(codec)
        except UnicodeDecodeError:
            return None
