"""Who is signed in: the session of a request's cookie."""

from typing import TYPE_CHECKING

from starlette.requests import Request

from arcrun.errors import SessionError, UnauthorizedError
from arcrun_http.auth import SESSION
from executor.service import ExecutorService
from executor.sessions.cookies import find_cross_site, read_cookie
from executor.sessions.store import Session

if TYPE_CHECKING:
    from executor.access import Access


async def find_signed_in(access: "Access", request: Request) -> tuple[ExecutorService, Session] | None:
    """The session and its account; None if the request presents none. Raises SessionError, RateLimitedError."""
    token = read_cookie(request)
    if token is None:
        return None
    require_own_origin(access, request)
    try:
        account = await access.of_token(request, token)
    except UnauthorizedError:
        raise _build_ended() from None
    session = await account.service.sessions.find(token, account.own_keys)
    if session is None:
        raise _build_ended()
    request.scope[SESSION] = session.key_id
    return account.service, session


async def require_signed_in(access: "Access", request: Request) -> tuple[ExecutorService, Session]:
    """As `find_signed_in`; raises SessionError too if there is no session."""
    found = await find_signed_in(access, request)
    if found is None:
        access.count_refusal(request)
        raise _build_ended("No one is signed in.")
    return found


def require_own_origin(access: "Access", request: Request) -> None:
    """Raises SessionError SESSION_CROSS_SITE, RateLimitedError."""
    problem = find_cross_site(request)
    if problem is not None:
        access.count_refusal(request)
        raise problem


def _build_ended(message: str = "This session has ended.") -> SessionError:
    return SessionError(
        message,
        code="SESSION_ENDED",
        next_actions=["Sign in again, with an API key or by `acr open`."],
    )
