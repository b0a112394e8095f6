"""Calls of components that take an access token: in the place of a client with a refresh token they get one that is
kept, rather than fetching one in each call. A component that gets the client exchanges it itself.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from arcrun.authorization.credential_forms import OAuthClient, read_client
from arcrun.authorization.model import IN_BODY, OAUTH2_REFRESH, Authorization
from arcrun.contracts.allowed_hosts import is_allowed
from arcrun.contracts.model import Contract
from arcrun.errors import CredentialError
from arcrun.ports import HttpClient
from arcrun.store.access import Caller
from arcrun.wasm.abi import Outcome
from executor.authorization.access_tokens import AccessToken, AccessTokenStore, TokenUser
from executor.authorization.requests import note_token

_HTTPS_PORT = 443
_UNAUTHORIZED = 401
Call = Callable[[Mapping[str, Any]], Awaitable[Outcome]]


@dataclass(frozen=True)
class _Exchange:
    client: OAuthClient
    user: TokenUser
    token: AccessToken


@dataclass(frozen=True)
class Exchanges:
    """`take` counts a subrequest."""

    store: AccessTokenStore
    http: HttpClient
    take: Callable[[], object]

    async def call(self, call: Call, contract: Contract, value: Mapping[str, Any], caller: Caller) -> Outcome:
        """The call with access tokens; made once more if the service refuses them and there are others by then.

        Raises what AccessTokenStore.find raises.
        """
        found = {key: await self._exchange(*each, caller) for key, each in _find_clients(contract, value, caller)}
        outcome = await call(_fill(value, found))
        if not found or outcome.error is None or outcome.error.details.get("status") != _UNAUTHORIZED:
            return outcome
        renewed = {
            key: await self._exchange(each.client, each.user.secret, caller, refused=each.token.generation)
            for key, each in found.items()
        }
        if all(renewed[key].token.value == each.token.value for key, each in found.items()):
            return outcome
        return await call(_fill(value, renewed))

    async def _exchange(
        self, client: OAuthClient, secret: str, caller: Caller, refused: int | None = None
    ) -> _Exchange:
        user = TokenUser(secret, self.http, self.take)
        token = await self.store.find(client, user, refused)
        note_token(caller.secrets, client.credential, token)
        return _Exchange(client, user, token)


def _fill(value: Mapping[str, Any], found: Mapping[str, _Exchange]) -> Mapping[str, Any]:
    return {**value, **{key: each.token.value for key, each in found.items()}} if found else value


def _find_clients(
    contract: Contract, value: Mapping[str, Any], caller: Caller
) -> list[tuple[str, tuple[OAuthClient, str]]]:
    """By input field, with the secret: of secrets that the run has read, and for hosts that the contract allows."""
    found = []
    for key, token_url in contract.exchanged_keys.items():
        secret, host = value.get(key), urlsplit(token_url).hostname or ""
        name = next((name for name, each in caller.secrets.items() if each == secret), None)
        if name is None or not is_allowed(contract.allowed_hosts, host, _HTTPS_PORT):
            continue
        try:
            asked = Authorization(OAUTH2_REFRESH, name, token_url=token_url, client_auth=IN_BODY)
            found.append((key, (read_client(asked, str(secret)), str(secret))))
        except CredentialError:
            continue  # a token itself, or what the component will not understand either
    return found
