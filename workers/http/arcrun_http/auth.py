"""Checks the API key of management routes, in constant time. Without a configured key every request is refused."""

import hmac

from starlette.requests import Request

from arcrun.errors import NotConfiguredError, UnauthorizedError

SESSION = "arcrun.session"  # scope key of the id of the key from which the request's session comes, if it has one


def check_api_key(request: Request, api_key: str | None) -> None:
    """Raises UnauthorizedError for a wrong or missing key, NotConfiguredError if the Worker has no key."""
    require_api_key(presented_key(request), api_key)


def require_api_key(presented: str, api_key: str | None) -> None:
    """Raises as `check_api_key`."""
    if not is_api_key(presented, require_configured(api_key)):
        raise UnauthorizedError


def require_configured(api_key: str | None) -> str:
    """The Worker's key. Raises NotConfiguredError."""
    if not api_key:
        raise NotConfiguredError(
            "This Worker has no API key, so it refuses every management request.",
            next_actions=["Set the secret: wrangler secret put ARCRUN_API_KEY."],
        )
    return api_key


def is_api_key(presented: str, api_key: str) -> bool:
    """Whether the keys are equal, compared in constant time."""
    return hmac.compare_digest(presented.encode(), api_key.encode())


def presented_key(request: Request) -> str:
    """The API key that a request presents; an empty string if it has none."""
    key = request.headers.get("x-arcrun-api-key")
    if key is not None:
        return key
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
