"""The cookie of a session: how it is set and read, and of which requests it counts.

Cookies are kept apart by host but not by port (RFC 6265, section 8.5), so the name has the platform's id, if it has
one, and the port: platforms on one machine do not sign each other out, side by side or one after the other.
`__Host-`: only this host sets it, with Secure, for all paths.

A cookie goes along with whatever a page makes the browser ask, so it counts only if the browser says that a page of
this very origin asks: by Sec-Fetch-Site, and for what may change anything by Origin too. No page can set either.
"""

from urllib.parse import urlsplit

from starlette.requests import Request

from arcrun.errors import SessionError
from arcrun.session_tokens import SESSION_PREFIX
from arcrun_http.targets import DEFAULT_PORTS

SAFE_METHODS = ("GET", "HEAD")


def name_cookie(request: Request) -> str:
    port = request.url.port or DEFAULT_PORTS.get(request.url.scheme, 0)
    return "-".join(("__Host-arcrun", *filter(None, (request.app.state.platform_id, str(port)))))


def render_cookie(request: Request, token: str, max_age_s: int) -> str:
    """The value of Set-Cookie; with an empty token and 0 it removes the cookie."""
    return f"{name_cookie(request)}={token}; Path=/; Max-Age={max_age_s}; Secure; HttpOnly; SameSite=Strict"


def read_cookie(request: Request) -> str | None:
    """The token of the session that the request presents; None if it presents none."""
    name = name_cookie(request)
    for pair in request.headers.get("cookie", "").split(";"):
        key, _, value = pair.partition("=")
        if key.strip() == name and value.strip().startswith(SESSION_PREFIX):
            return value.strip()
    return None


def find_origin(request: Request) -> str:
    """The origin of the request's URL, as the platform sees it."""
    return f"{request.url.scheme}://{request.url.netloc}"


def find_cross_site(request: Request) -> SessionError | None:
    """Why a cookie does not count here; None if it does."""
    site, origin = request.headers.get("sec-fetch-site", ""), request.headers.get("origin", "")
    if site != "same-origin":
        found = f"`Sec-Fetch-Site` is {site[:20]!r}" if site else "there is no `Sec-Fetch-Site`"
        return _build_cross_site(f"A session counts only for what its own console asks, and {found}.")
    own = {_parse_origin(url) for url in (find_origin(request), request.app.state.public_url)}
    if request.method not in SAFE_METHODS and _parse_origin(origin) not in own - {None}:
        given = repr(origin[:100]) if origin else "missing"
        return _build_cross_site(f"A session changes things only from its own origin, and `Origin` is {given}.")
    return None


def _parse_origin(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None


def _build_cross_site(message: str) -> SessionError:
    return SessionError(
        message,
        code="SESSION_CROSS_SITE",
        next_actions=[
            "Open the console at the platform's own address: acr open",
            "Behind a proxy, tell the platform the address that browsers see, by ARCRUN_PUBLIC_URL.",
            "A program sends an API key instead: `X-Arcrun-API-Key: <key>`.",
        ],
    )
