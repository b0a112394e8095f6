"""Tries a stored credential for real, as a node with this `auth` would use it. It tells no secret, and keeps no run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.authorization.credential_forms import check_form, read_client
from arcrun.authorization.model import (
    AWS_SIGV4,
    BASIC,
    BEARER,
    OAUTH2_CLIENT,
    OAUTH2_REFRESH,
    Authorization,
    parse_authorization,
)
from arcrun.credentials.redaction import Redactor
from arcrun.engine.budget import BudgetedHttpClient
from arcrun.errors import ArcrunError, InputError, NotConfiguredError, RequestError
from arcrun.interruptible import run_steps_pausing
from arcrun.json_text import parse_json
from arcrun.ports import HttpRequest
from arcrun.times import render_time
from arcrun.wasm.network_address import is_public_host
from arcrun.wasm.request_target import split_http_url
from executor.authorization.access_tokens import AccessTokenStore, TokenUser
from executor.authorization.requests import AuthorizedHttpClient, open_proof
from executor.service import ExecutorService

TIMEOUT_MS = 20_000
_SHOWN_HEADERS = ("content-type", "www-authenticate", "retry-after", "location")


@dataclass(frozen=True)
class Trial:
    """`auth` is how it is used, without its `credential`; None if its content is to say. `url` is asked with it."""

    name: str
    auth: Mapping[str, Any] | None = None
    url: str = ""


@dataclass(frozen=True)
class _Use:
    authorization: Authorization
    user: TokenUser
    secrets: dict[str, str]
    store: AccessTokenStore | None


async def try_credential(service: ExecutorService, trial: Trial) -> dict[str, Any]:
    """What came of it: {"type", "form"}, and {"token"} of one that fetches tokens, {"answer"} of one with a URL.

    Raises CredentialError, InputError, RequestError, UpstreamError, HostFunctionError.
    """
    budget = service.engine.limits.open_budget()
    budget.subrequests.take()
    secret = await service.vault.reveal(trial.name)
    authorization = _choose(trial, secret)
    if authorization is None:
        return {"type": None, "form": "text"}
    check_form(authorization, secret)
    told: dict[str, Any] = {"type": authorization.type, "form": "valid"}
    secrets = {trial.name: secret}
    user = TokenUser(secret, BudgetedHttpClient(service.components.http, budget.subrequests), budget.subrequests.take)
    store = _open_store(service) if authorization.fetches_tokens else None
    if store is not None:
        client = read_client(authorization, secret)
        token = await store.find(client, user, tries_again=True)
        told["token"] = {"expires_at": render_time(token.expires_ms), "scope": token.scope}
    if trial.url:
        told["answer"] = await _ask(service, trial.url, _Use(authorization, user, secrets, store))
    return await _scrub(service, told, secrets)


def _choose(trial: Trial, secret: str) -> Authorization | None:
    """As the caller says, or as the credential's content does; None if that says nothing. Raises InputError."""
    if trial.auth is not None:
        return parse_authorization({**trial.auth, "credential": trial.name})
    try:
        content = parse_json(secret)
    except ValueError:
        content = None
    if isinstance(content, dict) and "refresh_token" in content:
        return Authorization(OAUTH2_REFRESH, trial.name)
    if isinstance(content, dict) and "client_secret" in content:
        return Authorization(OAUTH2_CLIENT, trial.name)
    if isinstance(content, dict) and "username" in content:
        return Authorization(BASIC, trial.name)
    if isinstance(content, dict) and "access_key_id" in content:
        if trial.url:
            raise InputError(
                "A request to AWS is signed for a region and a service.",
                next_actions=["Name them: --type aws_sigv4 --set region=eu-central-1 --set service=s3"],
                details={"field": "auth"},
            )
        return Authorization(AWS_SIGV4, trial.name)
    return Authorization(BEARER, trial.name) if trial.url else None


def _open_store(service: ExecutorService) -> AccessTokenStore:
    if service.components.open_tokens is None:
        raise NotConfiguredError(
            "Access tokens are kept sealed in the Workspace, and this platform has no key for that.",
            next_actions=["Set the executor's ARCRUN_ENCRYPTION_KEY: acr init, acr deploy."],
        )
    return service.components.open_tokens()


async def _ask(service: ExecutorService, url: str, use: _Use) -> dict[str, Any]:
    """A GET, which follows no redirect: the status, and the headers that say why."""
    host = split_http_url(url).hostname or ""
    if not service.components.reaches_local and not is_public_host(host):
        raise RequestError(f"{host[:100]} is not an address of the public internet.", code="ADDRESS_NOT_ALLOWED")
    clock = service.engine.ports.clock
    proof = await open_proof(use.authorization, use.user, use.secrets, store=use.store, clock=clock)
    client = AuthorizedHttpClient(use.user.http, proof)
    try:
        response = await client.send(HttpRequest("GET", url, {"user-agent": "arcrun"}, timeout_ms=TIMEOUT_MS))
    except ArcrunError as error:
        raise client.failure or error from None
    headers = {name: response.headers[name] for name in _SHOWN_HEADERS if name in response.headers}
    return {"status": response.status, "headers": headers}


async def _scrub(service: ExecutorService, told: dict[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    pause = service.engine.ports.clock.pause
    redactor = await run_steps_pausing(Redactor.build(secrets.values()), pause)
    scrubbed: dict[str, Any] = await run_steps_pausing(redactor.scrub_in_steps(told, is_small=False), pause)
    return scrubbed
