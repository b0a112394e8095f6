"""The address and credentials of Cloudflare's REST API. Separate, because `acr dev` needs it without an HTTP client."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

DEFAULT_BASE_URL = "https://api.cloudflare.com/client/v4"


@dataclass(frozen=True)
class ApiAccess:
    """`account_id` is None for the local runtime's API, which has one nameless account and needs no token. `token` is
    never shown.
    """

    base_url: str = DEFAULT_BASE_URL
    account_id: str | None = None
    token: str | None = field(default=None, repr=False)

    def url_of(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """The URL of a path within the account, such as /storage/kv/namespaces."""
        account = f"/accounts/{quote(self.account_id, safe='')}" if self.account_id else ""
        return self.unscoped_url_of(account + path, query)

    def unscoped_url_of(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """The URL of a path outside any account, such as /user/tokens/verify."""
        return f"{self.base_url.rstrip('/')}{path}{'?' + urlencode(query) if query else ''}"
