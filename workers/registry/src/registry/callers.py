"""Identifies callers by their keys: the registry's owner, its reviewer, or an author with a key from the owner."""

import hmac
import json
from dataclasses import dataclass

from arcrun.accounts.api_keys import api_key_id_of, hash_api_key
from arcrun.errors import NotConfiguredError, UnauthorizedError

OWNER = "owner"


@dataclass(frozen=True)
class Caller:
    """Who asks. `id` stays the same when a key is replaced; `key_id` is a prefix of the key's SHA-256, for logs."""

    id: str
    key_id: str
    is_reviewer: bool = False


ANYBODY = Caller("", "")  # sees public components only, and owns none


class Keyring:
    """The registry's keys. `authors` is ARCRUN_AUTHOR_KEYS, a JSON object of {author's name: key}, or None."""

    def __init__(self, api_key: str | None, reviewer_key: str | None, authors: str | None) -> None:
        named = {OWNER: api_key, "reviewer": reviewer_key}
        self._keys = {name: key for name, key in named.items() if key}
        self._authors = authors

    def identify(self, key: str) -> Caller:
        """The caller of a key, found in constant time. Raises UnauthorizedError, NotConfiguredError without keys."""
        if self._authors:
            self._keys |= _parse_authors(self._authors)
            self._authors = None
        if not self._keys:
            raise NotConfiguredError(
                "This Worker has no API key, so it refuses every request except GET /health.",
                next_actions=["Set the secret: wrangler secret put ARCRUN_API_KEY."],
            )
        found = [name for name, known in self._keys.items() if hmac.compare_digest(key.encode(), known.encode())]
        if not found:
            raise UnauthorizedError
        key_id = api_key_id_of(hash_api_key(key))
        return Caller(found[0], key_id, is_reviewer="reviewer" in found)


def _parse_authors(text: str) -> dict[str, str]:
    """{principal's id: key}. Raises NotConfiguredError, whose message contains no key."""
    try:
        authors = json.loads(text)
    except ValueError:
        authors = None
    if not isinstance(authors, dict) or not all(isinstance(key, str) and key for key in authors.values()):
        raise NotConfiguredError(
            "ARCRUN_AUTHOR_KEYS is not a JSON object of {author's name: key}.",
            next_actions=["Correct the secret: wrangler secret put ARCRUN_AUTHOR_KEYS."],
        )
    return {f"author:{name}": key for name, key in authors.items()}
