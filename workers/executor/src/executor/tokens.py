"""Tokens of webhooks."""

import re
from typing import Protocol

from arcrun.errors import NotFoundError
from arcrun.ports import Random

TOKEN_BYTES = 16
_FORM = re.compile(f"[0-9a-f]{{{2 * TOKEN_BYTES}}}")


class Tokens(Protocol):
    """Makes the tokens of webhooks."""

    async def make(self) -> str: ...

    def is_token(self, text: str) -> bool:
        """Whether `text` has the form of a token."""

    async def is_own(self, text: str) -> bool:
        """Whether `make` can have made it."""

    def build_mail_tag(self, name: str, token: str) -> str:
        """The tag of the mail address of a workflow that has this token."""


class RandomTokens:
    """Makes random tokens of 32 hexadecimal digits."""

    def __init__(self, random: Random) -> None:
        self._random = random

    async def make(self) -> str:
        return self._random.token_bytes(TOKEN_BYTES).hex()

    def is_token(self, text: str) -> bool:
        return len(text) == 2 * TOKEN_BYTES

    async def is_own(self, text: str) -> bool:
        return _FORM.fullmatch(text) is not None

    def build_mail_tag(self, _name: str, token: str) -> str:
        from arcrun.mail.addresses import build_tag  # noqa: PLC0415 - few workflows have an address

        return build_tag(token)


def build_webhook_missing_error() -> NotFoundError:
    """The error for any token without a workflow; it is always the same."""
    return NotFoundError(
        "There is no such webhook.",
        code="WEBHOOK_NOT_FOUND",
        next_actions=["List the URLs: acr list. Or push the workflow again: acr push FILE"],
    )
