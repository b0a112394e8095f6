"""A call whose requests prove who sends them."""

from collections.abc import Callable
from typing import Any

from arcrun.authorization.model import parse_authorization
from arcrun.errors import InputError, NotConfiguredError
from arcrun.ports import Clock, HttpClient
from arcrun.store.access import Caller
from executor.authorization.access_tokens import AccessTokenStore, TokenUser
from executor.authorization.requests import AuthorizedHttpClient, open_proof


async def authorize(
    given: Any,
    caller: Caller | None,
    *,
    http: HttpClient,
    take: Callable[[], object],
    open_tokens: Callable[[], AccessTokenStore] | None,
    clock: Clock,
) -> AuthorizedHttpClient:
    """`given` is `auth` of the node; the caller's run has read its credential. Raises InputError, CredentialError,
    NotConfiguredError, UpstreamError, HostFunctionError.
    """
    authorization = parse_authorization(given)
    if caller is None or authorization.credential not in caller.secrets:
        raise InputError(
            "`auth` names a credential, which only a workflow's own node can.",
            next_actions=["Write `auth` into the node of a workflow, and run that: acr run FILE."],
            details={"field": "auth"},
        )
    if authorization.fetches_tokens and open_tokens is None:
        raise NotConfiguredError(
            "Access tokens are kept sealed in the Workspace, and this platform has no key for that.",
            next_actions=["Set the executor's ARCRUN_ENCRYPTION_KEY: acr init, acr deploy."],
        )
    store = open_tokens() if authorization.fetches_tokens and open_tokens is not None else None
    user = TokenUser(caller.secrets[authorization.credential], http, take)
    return AuthorizedHttpClient(http, await open_proof(authorization, user, caller.secrets, store=store, clock=clock))
