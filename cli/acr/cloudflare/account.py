"""Accounts, API tokens and the workers.dev subdomain over the REST API."""

from dataclasses import dataclass, field
from typing import Any

from acr.cloudflare.api import AUTH_STATUSES, CloudflareApi, CloudflareError

# The permission group that the dashboard shows as "Workers KV Storage: Edit".
KV_WRITE = "Workers KV Storage Write"
ACCOUNTS_A_PAGE = 50
NO_SUBDOMAIN = 10007


@dataclass(frozen=True)
class Account:
    id: str
    name: str


@dataclass(frozen=True)
class TokenStatus:
    """`status` is active, disabled or expired."""

    id: str
    status: str


@dataclass(frozen=True)
class MintedToken:
    """`value` is returned only by the request that creates the token."""

    id: str
    value: str = field(repr=False)


def list_accounts(api: CloudflareApi) -> list[Account]:
    """The accounts that the token can see."""
    listed = api.fetch_unscoped("GET", "/accounts", params={"per_page": ACCOUNTS_A_PAGE})
    return [Account(item["id"], item["name"]) for item in listed]


def verify_token(api: CloudflareApi) -> TokenStatus:
    """The status of a user's or an account's token. Raises CloudflareError if it is neither."""
    try:
        result = api.fetch_unscoped("GET", "/user/tokens/verify")
    except CloudflareError as error:
        if api.account_id is None or error.status not in {400, *AUTH_STATUSES}:
            raise
        result = api.fetch("GET", "/tokens/verify")
    return TokenStatus(result["id"], result["status"])


def mint_kv_token(api: CloudflareApi, name: str) -> MintedToken:
    """Create a token that can only edit this account's Workers KV. Raises CloudflareError."""
    groups = api.fetch_unscoped("GET", "/user/tokens/permission_groups")
    group_id = next((group["id"] for group in groups if group["name"] == KV_WRITE), None)
    if group_id is None:
        raise CloudflareError(f"Cloudflare lists no permission group `{KV_WRITE}`.")
    policy = {
        "effect": "allow",
        "resources": {f"com.cloudflare.api.account.{api.account_id}": "*"},
        "permission_groups": [{"id": group_id}],
    }
    created = api.fetch_unscoped("POST", "/user/tokens", json={"name": name, "policies": [policy]})
    return MintedToken(created["id"], created["value"])


def find_subdomain(api: CloudflareApi) -> str | None:
    """The account's workers.dev subdomain, or None if it has none yet."""
    try:
        result: dict[str, Any] = api.fetch("GET", "/workers/subdomain")
    except CloudflareError as error:
        if error.status == 404 or NO_SUBDOMAIN in error.codes:
            return None
        raise
    return result.get("subdomain")
