"""The steps of `acr init --standard`: create a namespace and a token for it, and register them with a hosted platform.

The user's own token never leaves this machine: it creates a second one that can only edit Workers KV, which is sent.
The encryption key is saved before anything is sent, so that no key in use can be lost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from acr.cloudflare.account import Account, list_accounts, mint_kv_token
from acr.cloudflare.api import AUTH_STATUSES, CloudflareApi, CloudflareError
from acr.cloudflare.token_page import KV_PERMISSIONS, build_token_page
from acr.config.user_config import UserConfig, read_user_config, save_user_config
from acr.credentials.encryption import make_encryption_key, read_encryption_key
from acr.deployment.account_setup import BINDINGS
from acr.deployment.resources import ensure_namespaces
from acr.errors import NotLoggedInError
from acr.targets.account_client import AccountClient

TENANT_BINDING = "TENANT"  # one namespace serves all bindings, as their keys have different prefixes
TOKEN_NAME = "arcrun: Workers KV only"  # noqa: S105 - what the dashboard calls it


@dataclass(frozen=True)
class StandardChoices:
    """`api_url` is auth's address, `url` the executor's. `kv_token` is registered as it is. If it is None, the user's
    own token creates one, or else `ask_token` asks for one; its argument is the URL of the page to create it on.
    `suffix` ends the namespace's title.
    """

    api_url: str
    url: str
    email: str
    account_id: str | None
    encryption_key: str | None = field(repr=False)
    kv_token: str | None = field(repr=False)
    ask_token: Callable[[str], str | None]
    suffix: str = ""


@dataclass(frozen=True)
class StandardSetup:
    tenant_id: str
    config: UserConfig
    created: tuple[str, ...]


def set_up_standard(
    api: CloudflareApi, path: Path, choices: StandardChoices, choose: Callable[[Sequence[Account]], Account]
) -> StandardSetup:
    """Register, and save the configuration to `path`. `choose` picks one of several accounts.

    Raises CliError, and AnswerError if the platform refuses.
    """
    before = read_user_config(path)
    account_id = choices.account_id or before.account_id or choose(list_accounts(api)).id
    data_key = choices.encryption_key or before.encryption_key or make_encryption_key()
    read_encryption_key(data_key)
    config = replace(before, account_id=account_id, encryption_key=data_key)
    save_user_config(path, config)
    api.account_id = account_id
    found, created = ensure_namespaces(api, config.namespaces, (TENANT_BINDING,), choices.suffix)
    token = choices.kv_token or _make_token(api, choices)
    namespace = found[TENANT_BINDING]
    tenant = AccountClient(choices.api_url).register(choices.email, account_id, namespace, token, data_key)
    config = replace(
        config,
        api_token=token,
        namespaces={**dict.fromkeys(BINDINGS, namespace), TENANT_BINDING: namespace},
        url=choices.url,
        auth_url=choices.api_url,
        api_key=tenant["api_key"],
    )
    save_user_config(path, config)
    return StandardSetup(tenant["tenant_id"], config, tuple(created))


def _make_token(api: CloudflareApi, choices: StandardChoices) -> str:
    """A KV-only token, created with the user's own or, if that may not create tokens, entered by the user.

    Raises NotLoggedInError.
    """
    try:
        return mint_kv_token(api, TOKEN_NAME).value
    except CloudflareError as error:
        if error.status not in AUTH_STATUSES:
            raise
    page = build_token_page(TOKEN_NAME, KV_PERMISSIONS, str(api.account_id))
    answer = choices.ask_token(page)
    if not answer:
        raise NotLoggedInError(
            "Your Cloudflare token may not create tokens, and is never sent itself.",
            f"Create a token with only Workers KV Storage: Edit, and set ARCRUN_KV_TOKEN: {page}",
        )
    return answer
