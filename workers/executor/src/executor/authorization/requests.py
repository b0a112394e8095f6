"""What `auth` of a node adds to its requests, on their way out: the component never sees the secret."""

import base64
import hashlib
from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import quote

from arcrun.authorization.aws_sigv4 import sign_request
from arcrun.authorization.credential_forms import (
    AwsKeys,
    OAuthClient,
    read_aws_keys,
    read_basic,
    read_client,
    read_header_value,
    read_visible,
)
from arcrun.authorization.model import AWS_SIGV4, BASIC, BEARER, HEADER, QUERY, Authorization, name_derived
from arcrun.errors import ArcrunError, HostFunctionError
from arcrun.ports import Clock, HttpClient, HttpRequest, HttpResponse
from arcrun.wasm.request_target import split_http_url
from executor.authorization.access_tokens import AccessToken, AccessTokenStore, TokenUser

_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNAUTHORIZED = 401


class Proof(Protocol):
    """What is added to a request."""

    async def add(self, request: HttpRequest) -> HttpRequest: ...

    async def renew(self) -> bool:
        """After the service has refused it: whether there is another one now."""


@dataclass(frozen=True)
class HeaderProof:
    name: str
    value: str

    async def add(self, request: HttpRequest) -> HttpRequest:
        return _with_header(request, self.name, self.value)

    async def renew(self) -> bool:
        return False


@dataclass(frozen=True)
class QueryProof:
    name: str
    value: str

    async def add(self, request: HttpRequest) -> HttpRequest:
        url, _, _ = request.url.partition("#")
        separator = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
        added = f"{url}{separator}{quote(self.name, safe='')}={quote(self.value, safe='')}"
        return replace(request, url=added)

    async def renew(self) -> bool:
        return False


@dataclass(frozen=True)
class AwsProof:
    keys: AwsKeys
    authorization: Authorization
    clock: Clock

    async def add(self, request: HttpRequest) -> HttpRequest:
        digest = hashlib.sha256(request.body)
        if request.stream is not None:  # it is made twice: what is signed is what is sent
            digest = hashlib.sha256()
            async for piece in request.stream.open():
                digest.update(piece)
        region, service = self.authorization.region, self.authorization.service
        return sign_request(
            request, self.keys, region, service, now_ms=self.clock.now_ms(), body_hash=digest.hexdigest()
        )

    async def renew(self) -> bool:
        return False


@dataclass
class TokenProof:
    """`secrets` are those of the run: its record is kept free of them."""

    client: OAuthClient
    store: AccessTokenStore
    user: TokenUser
    secrets: MutableMapping[str, str]
    token: AccessToken

    async def add(self, request: HttpRequest) -> HttpRequest:
        return _with_header(request, "authorization", f"Bearer {self.token.value}")

    async def renew(self) -> bool:
        renewed = await self.store.find(self.client, self.user, refused=self.token.generation)
        is_another = renewed.value != self.token.value
        self.token = renewed
        note_token(self.secrets, self.client.credential, renewed)
        return is_another


class AuthorizedHttpClient(HttpClient):
    """Adds a proof to the requests to the origin of the first one: a redirect, or a link to another page, to elsewhere
    gets none. A service that refuses it is asked once more, if there is another one by then. `failure` is why there is
    none: the component is told little of it, and the node fails with it.
    """

    failure: ArcrunError | None = None

    def __init__(self, http: HttpClient, proof: Proof) -> None:
        self._http, self._proof, self._origin = http, proof, ""
        self._may_renew = True

    async def send(self, request: HttpRequest) -> HttpResponse:
        origin = _origin_of(request.url)
        self._origin = self._origin or origin
        if origin != self._origin:
            return await self._http.send(request)
        response = await self._http.send(await self._proof.add(request))
        if response.status == _UNAUTHORIZED and self._may_renew:
            self._may_renew = False
            if await self._renew():
                return await self._http.send(await self._proof.add(request))
        return response

    async def _renew(self) -> bool:
        try:
            return await self._proof.renew()
        except ArcrunError as error:
            self.failure = error
            raise HostFunctionError(error.message) from None


async def open_proof(
    authorization: Authorization,
    user: TokenUser,
    secrets: MutableMapping[str, str],
    *,
    store: AccessTokenStore | None,
    clock: Clock,
) -> Proof:
    """Raises CredentialError, and what AccessTokenStore.find raises."""
    credential, secret = authorization.credential, user.secret
    if authorization.type == BEARER:
        return HeaderProof("authorization", f"Bearer {read_visible(credential, secret)}")
    if authorization.type == BASIC:
        pair = read_basic(credential, secret)
        secrets[name_derived(credential, "pair")] = pair
        return HeaderProof("authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    if authorization.type == HEADER:
        return HeaderProof(authorization.name, authorization.prefix + read_header_value(credential, secret))
    if authorization.type == QUERY:
        return QueryProof(authorization.name, secret.strip())
    if authorization.type == AWS_SIGV4:
        return AwsProof(read_aws_keys(credential, secret), authorization, clock)
    assert store is not None
    client = read_client(authorization, secret)
    token = await store.find(client, user)
    note_token(secrets, credential, token)
    return TokenProof(client, store, user, secrets, token)


def note_token(secrets: MutableMapping[str, str], credential: str, token: AccessToken) -> None:
    """Keep the run's record free of it."""
    digest = hashlib.sha256(token.value.encode()).hexdigest()
    secrets[name_derived(credential, digest)] = token.value


def _with_header(request: HttpRequest, name: str, value: str) -> HttpRequest:
    others = {key: text for key, text in request.headers.items() if key.lower() != name.lower()}
    return replace(request, headers={**others, name: value})


def _origin_of(url: str) -> str:
    parts = split_http_url(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"
