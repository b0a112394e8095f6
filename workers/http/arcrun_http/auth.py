"""The API key of the management routes: compared in constant time, refused where none is set."""

import hmac

from starlette.requests import Request

from arcrun.errors import NotConfiguredError, UnauthorizedError


def check_api_key(request: Request, api_key: str | None) -> None:
    """Raises UnauthorizedError for any other key, NotConfiguredError while the Worker has none."""
    if not api_key:
        raise NotConfiguredError(
            "This Worker has no API key, so it refuses every management request.",
            next_actions=["Set the secret: wrangler secret put ARCRUN_API_KEY."],
        )
    if not is_api_key(presented_key(request), api_key):
        raise UnauthorizedError


def is_api_key(presented: str, api_key: str) -> bool:
    """In a time that does not tell how much of it is right."""
    return hmac.compare_digest(presented.encode(), api_key.encode())


def presented_key(request: Request) -> str:
    """The key that a request shows, empty if it shows none."""
    key = request.headers.get("x-arcrun-api-key")
    if key is not None:
        return key
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
