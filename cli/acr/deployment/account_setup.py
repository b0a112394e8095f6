"""The steps of `acr init` in an account: check the token, choose the account, create missing resources and keys.

Each step keeps what exists, so the next run finishes an interrupted one. The keys are saved before anything is created
in the account, so that no key in use can be lost.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from acr.cloudflare.account import Account, list_accounts, verify_token
from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.token_page import PLATFORM_PERMISSIONS, build_token_page
from acr.config.user_config import DEFAULT_BUCKET, UserConfig, read_user_config, save_user_config
from acr.config.worker_variables import make_api_key, make_signing_key
from acr.credentials.encryption import make_encryption_key, read_encryption_key
from acr.deployment.resources import ensure_bucket, ensure_namespaces
from acr.errors import CliError

# The KV bindings of the Workers that `acr deploy` deploys by default: the executor and the registry.
TOKEN_NAME = "arcrun"  # noqa: S105 - what the dashboard calls it
BINDINGS = ("EXEC_CONTEXT", "WEBHOOKS", "CREDENTIALS_KV", "ANALYTICS_KV", "SUBMISSIONS_KV")


@dataclass(frozen=True)
class SetupChoices:
    """The user's choices, from flags, the environment or answers. None: keep the current value, or create one.
    `suffix` ends the names of what is created for a target.
    """

    account_id: str | None = None
    bucket: str | None = None
    namespaces: Mapping[str, str] = field(default_factory=dict)
    api_key: str | None = field(default=None, repr=False)
    encryption_key: str | None = field(default=None, repr=False)
    token_to_keep: str | None = field(default=None, repr=False)
    uses_wrangler_login: bool = False
    suffix: str = ""


@dataclass(frozen=True)
class Setup:
    """The result of `acr init`. `created` are the titles and names of new resources in the account."""

    config: UserConfig
    created: tuple[str, ...]
    config_changed: bool


def set_up_account(
    api: CloudflareApi, path: Path, choices: SetupChoices, choose: Callable[[Sequence[Account]], Account]
) -> Setup:
    """Set up the account and save the configuration to `path`. `choose` picks one of several accounts.

    Raises CliError.
    """
    _require_active_token(api)
    before = read_user_config(path)
    config = replace(
        before,
        account_id=choices.account_id or before.account_id or choose(list_accounts(api)).id,
        api_token=choices.token_to_keep or before.api_token,
        uses_wrangler_login=choices.uses_wrangler_login,
        bucket=choices.bucket or before.bucket or DEFAULT_BUCKET + choices.suffix,
        suffix=choices.suffix or None,
        api_key=choices.api_key or before.api_key or make_api_key(),
        reviewer_key=before.reviewer_key or make_api_key(),
        signing_key=before.signing_key or make_signing_key(),
        encryption_key=choices.encryption_key or before.encryption_key or make_encryption_key(),
    )
    read_encryption_key(config.encryption_key)
    save_user_config(path, config)
    api.account_id = config.account_id
    namespaces, created = ensure_namespaces(api, {**config.namespaces, **choices.namespaces}, BINDINGS, choices.suffix)
    if config.bucket and ensure_bucket(api, config.bucket):
        created.append(config.bucket)
    config = replace(config, namespaces={**config.namespaces, **namespaces})
    save_user_config(path, config)
    return Setup(config, tuple(created), config != before)


def choose_only_account(accounts: Sequence[Account]) -> Account:
    """The only account. Raises CliError unless there is exactly one."""
    if len(accounts) == 1:
        return accounts[0]
    if not accounts:
        raise CliError("The token sees no account.", "Grant it Account Settings: Read, or pass --account-id.")
    listed = ", ".join(f"{account.id} ({account.name})" for account in accounts)
    raise CliError(f"The token sees several accounts: {listed}.", "Pass --account-id, or set CLOUDFLARE_ACCOUNT_ID.")


def _require_active_token(api: CloudflareApi) -> None:
    status = verify_token(api).status
    if status != "active":
        raise CliError(
            f"The API token is {status}.", f"Create a new one: {build_token_page(TOKEN_NAME, PLATFORM_PERMISSIONS)}"
        )
