"""Where Cloudflare's REST API is and who asks. By itself: `acr dev` needs it at once, and no HTTP client."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

DEFAULT_BASE_URL = "https://api.cloudflare.com/client/v4"


@dataclass(frozen=True)
class ApiAccess:
    """`account_id` is None for the local runtime's API, which has one nameless account and asks for no token; `token`
    never shows.
    """

    base_url: str = DEFAULT_BASE_URL
    account_id: str | None = None
    token: str | None = field(default=None, repr=False)

    def url_of(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """The address of a path that belongs to the account, such as /storage/kv/namespaces."""
        account = f"/accounts/{quote(self.account_id, safe='')}" if self.account_id else ""
        return self.unscoped_url_of(account + path, query)

    def unscoped_url_of(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """The same for a path outside any account, such as /user/tokens/verify."""
        return f"{self.base_url.rstrip('/')}{path}{'?' + urlencode(query) if query else ''}"
