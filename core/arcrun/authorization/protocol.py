"""Access tokens that a Workspace keeps until they expire: its operations, and their wire formats.

Whoever finds none gets the *turn*: it asks the service for one and hands it over, and the others wait, or use the one
that is there while it is valid. What the object keeps is sealed by the Worker; it compares keys and times.
"""

from collections.abc import Sequence
from typing import Literal, Protocol, TypedDict

from arcrun.durable_objects import Channel


class TokenAsk(TypedDict):
    """`keys` are HMACs of the credential and of what is asked for by it: the first under the current encryption key.
    `holder` gets the turn for `lease_ms`. `refused` is the generation of a token that the service no longer takes.
    """

    keys: list[str]
    credential_id: str
    holder: str
    lease_ms: float
    refused: int | None


class TokenTurn(TypedDict):
    """In the state "kept" `token` is valid. In "turn" the asker is to fetch one; `token` is the one before, if there
    was one, and `is_valid` whether it can still be used. In "busy" another one is fetching it.
    """

    state: Literal["kept", "turn", "busy"]
    token: str | None
    generation: int
    is_valid: bool


class NewToken(TypedDict):
    """`generation` is that of the turn. `token` is sealed; `is_lasting` is whether it has what cannot be had again: a
    refresh token that has taken the place of another one.
    """

    key: str
    generation: int
    token: str
    renew_ms: float
    expires_ms: float
    is_lasting: bool


class AccessTokensObject(Protocol):
    async def take_token(self, asked: TokenAsk) -> TokenTurn:
        """The token, or the turn to fetch one."""

    async def keep_token(self, token: NewToken) -> bool:
        """Keep it. False if another one has been kept since the turn, or the credential has been removed."""

    async def leave_token(self, key: str, holder: str) -> None:
        """Give up the turn."""

    async def forget_tokens(self, credential_ids: list[str]) -> None:
        """Delete all tokens of these credentials."""


class RemoteAccessTokens:
    """AccessTokensObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def take_token(self, asked: TokenAsk) -> TokenTurn:
        turn: TokenTurn = await self._channel.call("take_token", {"asked": asked})
        return turn

    async def keep_token(self, token: NewToken) -> bool:
        is_kept: bool = await self._channel.call("keep_token", {"token": token})
        return is_kept

    async def leave_token(self, key: str, holder: str) -> None:
        await self._channel.call("leave_token", {"key": key, "holder": holder})

    async def forget_tokens(self, credential_ids: Sequence[str]) -> None:
        await self._channel.call("forget_tokens", {"credential_ids": list(credential_ids)})
