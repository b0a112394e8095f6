"""`acr init --standard`: asks for missing settings, registers and reports the result."""

import os

import click

from acr.cloudflare.api import CloudflareApi
from acr.config.folders import user_config_path
from acr.config.user_config import read_user_config
from acr.deployment.account_setup import choose_only_account
from acr.deployment.setup_questions import ask_account, find_encryption_key, find_token
from acr.deployment.standard_setup import TENANT_BINDING, StandardChoices, StandardSetup, set_up_standard
from acr.output.terminal import ask, say
from acr.targets.settings import find_suffix, read_deployed
from arcrun.cloudflare.api_access import DEFAULT_BASE_URL, ApiAccess

NEEDED_PERMISSIONS = "It stays on this machine. It needs: API Tokens: Edit; Workers KV Storage: Edit."


def init_standard(
    api_url: str | None, url: str | None, email: str | None, account_id: str | None, made: list[str], *, may_ask: bool
) -> tuple[dict[str, object], str]:
    """Register with a hosted platform. Returns the JSON to print, and the next step."""
    known = read_user_config(user_config_path())
    auth_url, executor_url, address = _read_platform(api_url, url, email, may_ask)
    # The token that an earlier registration sent and stored can be sent again.
    kv_token = os.environ.get("ARCRUN_KV_TOKEN") or (known.api_token if known.auth_url else None)
    choices = StandardChoices(
        auth_url,
        executor_url,
        address,
        account_id,
        find_encryption_key(may_ask),
        kv_token,
        _ask_kv_token if may_ask else lambda _page: None,
        find_suffix(*read_deployed()),
    )
    token = kv_token or find_token(may_ask, NEEDED_PERMISSIONS).value
    return _describe(_register(token, choices, may_ask), made), "Next: acr account show"


def _read_platform(api_url: str | None, url: str | None, email: str | None, may_ask: bool) -> tuple[str, str, str]:
    """The addresses of auth and of the executor, and the user's email address. Raises click.UsageError."""
    known = read_user_config(user_config_path())
    auth_url = api_url or known.auth_url
    if not auth_url:
        raise click.UsageError("--standard needs --api-url, the address of the platform's auth.")
    if not email and not may_ask:
        raise click.UsageError("--standard needs --email, your email address for the platform.")
    executor_url = url or (known.url if auth_url == known.auth_url else None) or auth_url
    return auth_url.rstrip("/"), executor_url.rstrip("/"), email or ask("Your email address")


def _register(token: str, choices: StandardChoices, may_ask: bool) -> StandardSetup:
    base_url = os.environ.get("CLOUDFLARE_API_BASE_URL") or DEFAULT_BASE_URL
    with CloudflareApi(ApiAccess(base_url, choices.account_id, token)) as api:
        return set_up_standard(api, user_config_path(), choices, ask_account if may_ask else choose_only_account)


def _ask_kv_token(page: str) -> str | None:
    say("Your token may not create tokens. Create one here, and paste it:", err=True)
    say(page, err=True)
    return ask("Token with Workers KV Storage: Edit", default="", hide_input=True) or None


def _describe(setup: StandardSetup, made: list[str]) -> dict[str, object]:
    for name in setup.created:
        say(f"created {name}", err=True)
    path, config = user_config_path(), setup.config
    say(f"The API key, the KV token and the encryption key are stored in {path}; keep a copy of it.", err=True)
    return {
        "files": made,
        "tenant_id": setup.tenant_id,
        "account_id": config.account_id,
        "kv_namespace_id": config.namespaces[TENANT_BINDING],
        "created": list(setup.created),
        "config": str(path),
    }
