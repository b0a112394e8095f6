"""A request as it was received, and what is read from it without trusting it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from arcrun.errors import SignatureError
from arcrun.limits import MAX_SIGNATURE_HEADER_CHARACTERS

SECONDS = re.compile(r"[1-9][0-9]{9}", re.ASCII)
SECONDS_OR_MS = re.compile(r"[1-9][0-9]{9}(?:[0-9]{3})?", re.ASCII)


@dataclass(frozen=True)
class ReceivedRequest:
    """`path` and `query` are those of the request line, still percent-encoded and without the question mark. `rest` is
    the end of `path` that the caller may choose. Headers may be repeated, in any case.
    """

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    rest: str = ""

    def find_all(self, name: str) -> list[str]:
        """The values of a header. Raises SignatureError if there is none, or one is too long."""
        wanted = name.lower()
        found = [value for header, value in self.headers if header.lower() == wanted]
        if not found:
            raise SignatureError(f"The request has no header `{wanted}`.", code="SIGNATURE_MISSING")
        if sum(map(len, found)) > MAX_SIGNATURE_HEADER_CHARACTERS:
            raise build_malformed_error(f"the header `{wanted}` is too long")
        return found

    def find_one(self, name: str) -> str:
        """The value of a header that may not be repeated. Raises SignatureError."""
        found = self.find_all(name)
        if len(found) > 1:
            raise build_malformed_error(f"the header `{name.lower()}` is repeated")
        return found[0].strip()


def read_time(text: str, pattern: re.Pattern[str] = SECONDS) -> int:
    """Milliseconds since 1970, from seconds or, where the pattern allows them, milliseconds. Raises SignatureError."""
    if not pattern.fullmatch(text):
        raise build_malformed_error("its time is not in seconds since 1970")
    return int(text) * 1000 if len(text) == 10 else int(text)


def build_malformed_error(reason: str) -> SignatureError:
    return SignatureError(f"The request's signature cannot be read: {reason}.", code="SIGNATURE_MALFORMED")


def to_bytes(header: str) -> bytes:
    """A header's value, of whatever characters."""
    return header.encode("utf-8", "surrogatepass")
