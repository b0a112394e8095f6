"""What stands for a blob in a run's values: {"blob": name, "bytes", "content_type", "name"}.

A name is `runs/{run id}/blob-{token}-{bytes}`, or `runs/{run id}/attachment-{number}` of a message's attachment. It
opens nothing by itself: the host looks whether the run is the caller's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from arcrun.errors import HostFunctionError
from arcrun.limits import BLOB_PIECE_BYTES, MAX_CONTENT_TYPE_CHARACTERS, MAX_FILENAME_CHARACTERS

TOKEN_BYTES = 16
OCTETS = "application/octet-stream"
_NAME = re.compile(
    r"runs/(?P<run>[0-9A-HJKMNP-TV-Z]{26})/"
    r"(?:blob-(?P<token>[0-9a-f]{32})-(?P<bytes>0|[1-9][0-9]{0,11})|attachment-(?P<number>[1-9][0-9]?))"
)
_CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?: *;[ -~]*)?", re.ASCII)
# Of Content-Disposition: filename="a \"b\".pdf", filename=a.pdf, filename*=UTF-8''%C3%A4.pdf (RFC 6266, RFC 8187).
MAX_DISPOSITION_CHARACTERS = 2_000
EXTENDED_PARTS = 3  # the charset, a language, the name
_FILENAME = re.compile(
    r'(?:^|;)\s*filename(?P<star>\*?)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s;"]+))',
    re.ASCII | re.IGNORECASE,
)
_UNNAMEABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class BlobPlace:
    """Where the pieces of a blob lie: the run, and the blob's token within it."""

    run_id: str
    token: str


@dataclass(frozen=True)
class BlobName:
    """A blob that has been finished. An attachment has its `number`, and no token; its length is not known before it is
    read.
    """

    run_id: str
    token: str = ""
    bytes: int = 0
    number: int = 0

    @property
    def place(self) -> BlobPlace:
        return BlobPlace(self.run_id, self.token)

    @property
    def pieces(self) -> int:
        return count_pieces(self.bytes)

    def __str__(self) -> str:
        return f"runs/{self.run_id}/blob-{self.token}-{self.bytes}"


def count_pieces(size: int) -> int:
    """An empty blob has a piece too, which says that there is no more of it."""
    return max(1, -(-size // BLOB_PIECE_BYTES))


def parse_blob_name(named: Any) -> BlobName:
    """The name that a value gives: itself, or its `blob`. Raises HostFunctionError INVALID_REQUEST, BLOB_NOT_FOUND."""
    name = named.get("blob") if isinstance(named, Mapping) else named
    if not isinstance(name, str):
        raise HostFunctionError(
            'A blob is the value {"blob": ...} that a node has answered, or its name.', code="INVALID_REQUEST"
        )
    found = _NAME.fullmatch(name)
    if found is None:
        raise build_unknown_error()
    if found["number"]:
        return BlobName(found["run"], number=int(found["number"]))
    return BlobName(found["run"], found["token"], int(found["bytes"]))


def describe_blob(name: BlobName, content_type: str, filename: str) -> dict[str, Any]:
    """The value that stands for a blob."""
    described = {"blob": str(name), "bytes": name.bytes, "content_type": content_type}
    return {**described, "name": filename} if filename else described


def read_content_type(said: Any) -> str:
    """The content type that somebody outside has said, or that of any bytes."""
    text = said.strip() if isinstance(said, str) else ""
    fits = len(text) <= MAX_CONTENT_TYPE_CHARACTERS and _CONTENT_TYPE.fullmatch(text) is not None
    return text if fits else OCTETS


def read_filename(said: Any) -> str:
    """A file's name without folders and control characters; "" if there is none."""
    text = said if isinstance(said, str) else ""
    last = re.split(r"[/\\]", text)[-1]
    return _UNNAMEABLE.sub("", last).strip()[:MAX_FILENAME_CHARACTERS]


def name_by_answer(url: str, disposition: Any) -> str:
    """The name of a file that a server sends: by its header Content-Disposition (RFC 6266), or else by the URL."""
    said = disposition[:MAX_DISPOSITION_CHARACTERS] if isinstance(disposition, str) else ""
    names = {"": "", **{found["star"]: found["quoted"] or found["plain"] or "" for found in _FILENAME.finditer(said)}}
    extended = names.get("*", "").split("'", 2)
    if len(extended) == EXTENDED_PARTS and extended[0].lower() in ("utf-8", "iso-8859-1"):
        name = read_filename(unquote(extended[2], extended[0]))
    else:
        name = read_filename(re.sub(r"\\(.)", r"\1", names[""]))
    return name or read_filename(unquote(urlsplit(url).path))


def build_unknown_error() -> HostFunctionError:
    return HostFunctionError(
        "There is no such blob in this run: its name counts in the run that has made it, in workflows that this calls, "
        "and in replays of it, until the run is deleted. Fetch the file again.",
        code="BLOB_NOT_FOUND",
    )


def build_full_error(whose: str) -> HostFunctionError:
    """`whose` blobs are too many, or have too many bytes: the run's or the account's."""
    steps = {
        "run": "Let several runs do the work, each for some of the files.",
        "account": "Delete runs, or keep fewer days of them: keep_days.",
    }
    return HostFunctionError(f"The {whose}'s blobs have no room for another. {steps[whose]}", code="BLOBS_FULL")
