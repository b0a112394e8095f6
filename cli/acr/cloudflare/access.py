"""Where Cloudflare's REST API is and who asks. By itself: `acr dev` needs it at once, and no HTTP client."""

from dataclasses import dataclass, field

DEFAULT_BASE_URL = "https://api.cloudflare.com/client/v4"


@dataclass(frozen=True)
class ApiAccess:
    """`account_id` and `token` are None for the local runtime's API."""

    base_url: str = DEFAULT_BASE_URL
    account_id: str | None = None
    token: str | None = field(default=None, repr=False)
