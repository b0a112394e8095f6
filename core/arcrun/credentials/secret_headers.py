"""Which headers of a request carry secrets, by their names, and what of their values must not be recorded."""

import base64
import re
from binascii import Error as Base64Error
from collections.abc import Iterator
from urllib.parse import unquote

# Headers that carry whom or what the caller is by a secret: RFC 9110 (authorization), RFC 6265 (cookie), and names that
# end in words such as token, as x-gitlab-token and x-telegram-bot-api-secret-token do. Signatures are no secrets.
_SECRET = re.compile(
    r"(?:.*-)?(?:authorization|cookie|token|secret|password|passwd|jwt|jwt-assertion|apikey|(?:api|auth|access|app|function)s?-key)"
)


def is_secret_header(name: str) -> bool:
    """Whether a header, named in lower case, carries a secret."""
    return _SECRET.fullmatch(name.replace("_", "-")) is not None


def find_header_secrets(name: str, value: str) -> Iterator[str]:
    """The secrets in a header's value: the whole, what follows the scheme, the values of cookies, a password."""
    yield value
    if name == "cookie":
        for pair in value.split(";"):
            content = pair.partition("=")[2].strip().strip('"')
            yield from (content, unquote(content))
        return
    scheme, _, rest = value.partition(" ")
    if rest:
        yield rest.strip()
    if scheme.lower() == "basic":
        yield from _read_basic(rest.strip())


def _read_basic(encoded: str) -> Iterator[str]:
    """RFC 7617: user and password in base64."""
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (Base64Error, UnicodeDecodeError):
        return
    yield pair
    yield pair.partition(":")[2]
