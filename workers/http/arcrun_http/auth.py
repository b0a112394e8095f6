"""The API key of the management routes: compared in constant time, refused where none is set."""

import hmac
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from arcrun.errors import NotConfiguredError, UnauthorizedError

Handler = Callable[[Request], Awaitable[Response]]


def require_api_key(api_key: str | None) -> Callable[[Handler], Handler]:
    """Wrap a handler so that it runs only for a request with `api_key`.

    The wrapped handler raises UnauthorizedError, or NotConfiguredError while the Worker has no key.
    """

    def protect(handler: Handler) -> Handler:
        async def protected(request: Request) -> Response:
            if not api_key:
                raise NotConfiguredError(
                    "This Worker has no API key, so it refuses every management request.",
                    next_actions=["Set the secret: wrangler secret put ARCRUN_API_KEY."],
                )
            if not hmac.compare_digest(presented_key(request).encode(), api_key.encode()):
                raise UnauthorizedError
            return await handler(request)

        return protected

    return protect


def presented_key(request: Request) -> str:
    """The key that a request shows, empty if it shows none."""
    key = request.headers.get("x-arcrun-api-key")
    if key is not None:
        return key
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
