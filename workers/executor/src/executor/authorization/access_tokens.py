"""Access tokens: kept in the Workspace, sealed, until they expire; fetched by one call at a time.

A refresh token that the service puts in the place of another is stored before the access token beside it is used. What
ends a call between the service's answer and the store loses it: the one before is then sent once more, which many
services allow for a moment; if this one does not, the credential is refused until somebody stores a new one.

Tokens of several scopes come by one refresh token, so that has a row of its own, whose turn is taken for each fetch.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from arcrun.authorization.credential_forms import OAuthClient
from arcrun.authorization.protocol import AccessTokensObject, NewToken, TokenAsk, TokenTurn
from arcrun.authorization.token_requests import (
    IssuedToken,
    build_refused_error,
    build_token_request,
    build_unavailable_error,
    read_token_answer,
)
from arcrun.errors import ArcrunError, DecryptionError, HostFunctionError, UpstreamError
from arcrun.limits import MAX_TOKEN_WAIT_MS, REFUSED_CREDENTIAL_MS, TOKEN_LEASE_MS
from arcrun.ports import Background, Clock, HttpClient, Random
from arcrun.retries import backoff_ms
from arcrun.wasm.network_address import is_public_host
from arcrun.wasm.request_target import split_http_url

logger = logging.getLogger("arcrun")

_FIRST_WAIT_MS, _MOST_WAIT_MS = 100, 2_000
_STORE_TRIES = 5
REFUSED_KEY = "refused"
Result = TypeVar("Result")


class PartSealer(Protocol):
    async def seal_part(self, purpose: str, content: bytes) -> bytes:
        """Raises NotConfiguredError, UpstreamError."""

    async def open_part(self, purpose: str, sealed: bytes) -> bytes:
        """Raises DecryptionError, NotConfiguredError, UpstreamError."""


@dataclass(frozen=True)
class AccessToken:
    value: str = field(repr=False)
    generation: int
    expires_ms: float
    scope: str


@dataclass(frozen=True)
class TokenUser:
    """Who needs a token: by the content of which credential, and how it is charged. `take` counts a subrequest."""

    secret: str = field(repr=False)
    http: HttpClient
    take: Callable[[], object]


@dataclass(frozen=True)
class _Turn:
    key: str
    holder: str
    told: TokenTurn


@dataclass(frozen=True)
class AccessTokenStore:
    """`id_of` is how a Workspace names a credential, `keys_for_marks` are the keys of HMACs: the current one first.
    `reaches_local` is whether requests may go to addresses outside of the public internet.
    """

    workspace: AccessTokensObject
    sealer: PartSealer
    id_of: Callable[[str], str]
    keys_for_marks: Callable[[], list[bytes]]
    clock: Clock
    random: Random
    background: Background
    reaches_local: bool = False

    async def find(
        self, client: OAuthClient, user: TokenUser, refused: int | None = None, *, tries_again: bool = False
    ) -> AccessToken:
        """A token that is valid. `refused` is the generation of one that the service has not taken. With `tries_again`
        a credential that has just been refused is used again.

        Raises CredentialError CREDENTIAL_REFUSED and TOKEN_ANSWER_INVALID, UpstreamError TOKEN_UNAVAILABLE,
        HostFunctionError, and what `sealer` raises.
        """
        self._require_allowed(client.token_url)
        keys = self._name_keys(client, user, client.scope, client.audience)
        while True:
            turn = await self._wait_for_turn(client, user, keys, refused)
            if turn.told["state"] == "turn":
                return await self._renew_to_the_end(client, user, turn)
            opened = await self._open(client.credential, turn.told)
            if opened is not None and not (tries_again and REFUSED_KEY in opened):
                return self._read(client, opened, turn.told)
            refused = turn.told["generation"]

    async def forget(self, credentials: list[str]) -> None:
        """Delete the tokens of credentials that were removed."""
        await self.workspace.forget_tokens([self.id_of(name) for name in credentials])

    def _require_allowed(self, token_url: str) -> None:
        """Raises HostFunctionError ADDRESS_NOT_ALLOWED, CredentialError."""
        parts = split_http_url(token_url)
        if self.reaches_local:
            return
        if not is_public_host(parts.hostname or ""):
            message = f"`token_url` is not an address of the public internet: {(parts.hostname or '')[:100]}."
            raise HostFunctionError(message, code="ADDRESS_NOT_ALLOWED")
        if parts.scheme != "https":
            raise HostFunctionError("`token_url` must be https: a secret is sent to it.", code="INVALID_URL")

    def _name_keys(self, client: OAuthClient, user: TokenUser, *asked: str) -> list[str]:
        """A credential with another content has other tokens. With nothing `asked` it is the refresh token's."""
        told = [client.credential, user.secret, client.token_url, client.client_auth, bool(client.refresh_token)]
        named = json.dumps([*told, *asked]).encode()
        return [hmac.new(key, b"access token " + named, hashlib.sha256).hexdigest() for key in self.keys_for_marks()]

    async def _wait_for_turn(
        self, client: OAuthClient, user: TokenUser, keys: list[str], refused: int | None = None
    ) -> _Turn:
        """What is kept, or the turn to fetch it. Raises UpstreamError TOKEN_UNAVAILABLE."""
        asked: TokenAsk = {
            "keys": keys,
            "credential_id": self.id_of(client.credential),
            "holder": self.random.token_bytes(16).hex(),
            "lease_ms": TOKEN_LEASE_MS,
            "refused": refused,
        }
        began_ms, waits = self.clock.now_ms(), 0
        while True:
            user.take()
            told = await self.workspace.take_token(asked)
            if told["state"] != "busy":
                return _Turn(keys[0], asked["holder"], told)
            waits += 1
            if self.clock.now_ms() - began_ms > MAX_TOKEN_WAIT_MS:
                raise build_unavailable_error(client.token_url, "another call has been fetching one for a minute")
            await self.clock.sleep(backoff_ms(waits, _FIRST_WAIT_MS, most_ms=_MOST_WAIT_MS))

    async def _renew_to_the_end(self, client: OAuthClient, user: TokenUser, turn: _Turn) -> AccessToken:
        """A call that is ended meanwhile does not end this: a refresh token would be lost."""
        renewing = asyncio.ensure_future(self._renew(client, user, turn))
        self.background.start(_wait_for(renewing))
        return await asyncio.shield(renewing)

    async def _renew(self, client: OAuthClient, user: TokenUser, turn: _Turn) -> AccessToken:
        before = await self._open(client.credential, turn.told)
        try:
            issued = await (self._refresh(client, user) if client.refresh_token else self._fetch(client, user, ""))
        except ArcrunError as error:
            if error.code == "CREDENTIAL_REFUSED":
                await self._keep_refusal(client, user, turn, error)
                raise
            await self._leave(turn)
            if turn.told["is_valid"] and before is not None and REFUSED_KEY not in before:
                return self._read(client, before, turn.told)
            raise
        value = {"access_token": issued.access_token, "expires_ms": issued.expires_ms, "scope": issued.scope}
        try:
            generation = await self._keep(client, user, turn, value, (issued.renew_ms, issued.expires_ms))
        except UpstreamError:  # it is good for this call all the same
            generation = turn.told["generation"] + 1
        return AccessToken(issued.access_token, generation, issued.expires_ms, issued.scope)

    async def _refresh(self, client: OAuthClient, user: TokenUser) -> IssuedToken:
        """By the newest refresh token. One that takes its place is stored before anything else is done."""
        turn = await self._wait_for_turn(client, user, self._name_keys(client, user))
        try:
            kept = await self._open(client.credential, turn.told) or {}
            newest = kept.get("refresh_token", client.refresh_token)
            issued = await self._fetch(client, user, newest)
        except ArcrunError:
            await self._leave(turn)
            raise
        if issued.refresh_token == newest:
            await self._leave(turn)
        else:
            await self._keep(client, user, turn, {"refresh_token": issued.refresh_token}, (0, 0), is_lasting=True)
        return issued

    async def _leave(self, turn: _Turn) -> None:
        try:
            await self.workspace.leave_token(turn.key, turn.holder)
        except UpstreamError as error:  # it ends by itself
            logger.warning("A turn to fetch an access token could not be given up: %s", error.message)

    async def _fetch(self, client: OAuthClient, user: TokenUser, refresh_token: str) -> IssuedToken:
        request = build_token_request(client, refresh_token)
        try:
            response = await user.http.send(request)
        except HostFunctionError as error:
            if error.code in ("SUBREQUEST_LIMIT", "RESPONSE_TOO_LARGE", "ADDRESS_NOT_ALLOWED", "INVALID_URL"):
                raise
            raise build_unavailable_error(client.token_url, error.message.rstrip(".")) from None
        return read_token_answer(client, refresh_token, response, self.clock.now_ms())

    async def _keep(
        self,
        client: OAuthClient,
        user: TokenUser,
        turn: _Turn,
        value: Mapping[str, Any],
        times: tuple[float, float],
        *,
        is_lasting: bool = False,
    ) -> int:
        """Store it until the second of `times`; returns its generation. Raises UpstreamError."""
        generation = turn.told["generation"]
        token: NewToken = {
            "key": turn.key,
            "generation": generation,
            "token": await self._until_done(lambda: self._seal(client.credential, value)),
            "renew_ms": times[0],
            "expires_ms": times[1],
            "is_lasting": is_lasting,
        }
        user.take()
        await self._until_done(lambda: self.workspace.keep_token(token))
        return generation + 1

    async def _until_done(self, act: Callable[[], Awaitable[Result]]) -> Result:
        for tries in range(1, _STORE_TRIES):
            try:
                return await act()
            except UpstreamError:
                await self.clock.sleep(backoff_ms(tries, _FIRST_WAIT_MS))
        return await act()

    async def _keep_refusal(self, client: OAuthClient, user: TokenUser, turn: _Turn, error: ArcrunError) -> None:
        """Others that wait, and those that follow soon, are told the same without asking the service."""
        ends_ms = self.clock.now_ms() + REFUSED_CREDENTIAL_MS
        refusal = {REFUSED_KEY: error.message, "reason": error.details["reason"]}
        try:
            await self._keep(client, user, turn, refusal, (ends_ms, ends_ms))
        except ArcrunError as failure:
            logger.warning("A refusal of a credential could not be kept: %s", failure.message)

    def _read(self, client: OAuthClient, opened: Mapping[str, Any], told: TokenTurn) -> AccessToken:
        """Raises CredentialError CREDENTIAL_REFUSED."""
        if REFUSED_KEY in opened:
            raise build_refused_error(client, opened["reason"], opened[REFUSED_KEY])
        return AccessToken(opened["access_token"], told["generation"], opened["expires_ms"], opened["scope"])

    async def _seal(self, credential: str, value: Mapping[str, Any]) -> str:
        return base64.b64encode(await self.sealer.seal_part(_purpose(credential), json.dumps(value).encode())).decode()

    async def _open(self, credential: str, turn: TokenTurn) -> Mapping[str, Any] | None:
        """None if there is none, or none that can be opened: its key has gone."""
        if turn["token"] is None:
            return None
        try:
            opened: Mapping[str, Any] = json.loads(
                await self.sealer.open_part(_purpose(credential), base64.b64decode(turn["token"]))
            )
        except DecryptionError:
            logger.warning("A kept access token cannot be opened, and is fetched again")
            return None
        return opened


async def _wait_for(work: "asyncio.Future[AccessToken]") -> None:
    await asyncio.wait([work])


def _purpose(credential: str) -> str:
    return f"access token of {credential}"
