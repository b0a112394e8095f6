"""The page of Cloudflare's dashboard on which an API token is made, with the permissions filled in.

Source: developers.cloudflare.com/fundamentals/api/how-to/account-owned-token-template
"""

import json
from urllib.parse import quote

# A permission's key and type, as the page's address takes them.
PLATFORM_PERMISSIONS = (
    ("workers_scripts", "edit"),
    ("workers_kv_storage", "edit"),
    ("workers_r2", "edit"),
    ("account_settings", "read"),
)
KV_PERMISSIONS = (("workers_kv_storage", "edit"),)
_PAGE = "https://dash.cloudflare.com/profile/api-tokens?permissionGroupKeys={}&accountId={}&zoneId=all&name={}"


def build_token_page(name: str, permissions: tuple[tuple[str, str], ...], account_id: str = "*") -> str:
    """The page's URL. `name` is the token's; an `account_id` of `*` means all accounts."""
    groups = json.dumps([{"key": key, "type": kind} for key, kind in permissions], separators=(",", ":"))
    return _PAGE.format(quote(groups, safe=""), quote(account_id, safe="*"), quote(name, safe=""))
