"""Handlers of sessions. Signing in and out has handlers that choose the account themselves: there is no key yet."""

from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from arcrun import __version__
from arcrun.accounts.api_keys import hash_api_key
from arcrun.errors import ForbiddenError, RequestError, SessionError, UnauthorizedError
from arcrun.limits import KIB
from arcrun.rights import OWNER, Grant
from arcrun.times import render_time
from arcrun_http.auth import SESSION, presented_key
from arcrun_http.callers import actor_of, address_of
from arcrun_http.requests import read_object
from arcrun_http.responses import JsonResponse, build_success
from executor.service import ExecutorService
from executor.sessions.cookies import find_origin, render_cookie
from executor.sessions.signed_in import find_signed_in, require_own_origin, require_signed_in
from executor.sessions.store import Session, Source

if TYPE_CHECKING:
    from executor.access import Access

_MAX_BODY_BYTES = 4 * KIB


async def sign_in(access: "Access", request: Request) -> JsonResponse:
    """The session that the browser had before ends. Raises UnauthorizedError, SessionError LINK_USED,
    SESSION_CROSS_SITE, RequestError, RateLimitedError.
    """
    require_own_origin(access, request)
    body = await read_object(request, allowed=("key", "link", "read_only"), limit_bytes=_MAX_BODY_BYTES)
    read_only = _read_flag(body)
    key, link = (_read_text(body, name) for name in ("key", "link"))
    if bool(key) is bool(link):
        raise RequestError(
            "A session begins with either a `key` or the token of a `link`.",
            next_actions=['Send {"key": "<API key>"}, or open the address that `acr open` prints.'],
        )
    service, source = await _use_key(access, request, key) if key else await _use_link(access, request, link)
    how = "by key" if key else "by link"
    token, session = await service.sessions.begin(source.limit(read_only=read_only), address_of(request), how)
    await _end_held(access, request)
    max_age_s = int((session.expires_ms - session.created_ms) / 1000)
    return _tell(access, request, session, 201, {"set-cookie": render_cookie(request, token, max_age_s)})


async def _use_key(access: "Access", request: Request, key: str) -> tuple[ExecutorService, Source]:
    service, grant = await access.of_key(request, key)
    return service, _build_source(grant, key)


async def _use_link(access: "Access", request: Request, link: str) -> tuple[ExecutorService, Source]:
    try:
        account = await access.of_token(request, link)
    except UnauthorizedError:
        raise _build_used() from None
    source = await account.service.sessions.take_link(link, account.own_keys)
    if source is None:
        raise _build_used()
    return account.service, source


async def show(access: "Access", request: Request) -> JsonResponse:
    """Raises SessionError, RateLimitedError."""
    _, session = await require_signed_in(access, request)
    return _tell(access, request, session, 200, {})


async def sign_out(access: "Access", request: Request) -> JsonResponse:
    """Also of a session that has ended already. Raises SessionError SESSION_CROSS_SITE, RateLimitedError."""
    require_own_origin(access, request)
    await _end_held(access, request)
    answer = build_success({"signed_in": False})
    answer.headers["set-cookie"] = render_cookie(request, "", 0)
    answer.headers["cache-control"] = "no-store"
    return answer


async def _end_held(access: "Access", request: Request) -> None:
    """End the session that the request presents, if it has not ended yet."""
    try:
        found = await find_signed_in(access, request)
    except SessionError:
        return
    if found is not None:
        service, session = found
        await service.sessions.end(session, address_of(request))


async def make_link(service: ExecutorService, request: Request) -> JsonResponse:
    """Raises ForbiddenError SESSION_NOT_ALLOWED: a session could be made to last for ever."""
    if SESSION in request.scope:
        raise ForbiddenError(
            "A session makes no link for another one.",
            code="SESSION_NOT_ALLOWED",
            next_actions=["Make it with an API key: acr open"],
        )
    read_only = _read_flag(await read_object(request, allowed=("read_only",), limit_bytes=_MAX_BODY_BYTES))
    source = _build_source(getattr(request.state, "grant", OWNER), presented_key(request))
    token, expires_ms = await service.sessions.make_link(source.limit(read_only=read_only))
    url = f"{request.app.state.public_url or find_origin(request)}/console/#link={token}"
    answer = build_success({"url": url, "expires_at": render_time(expires_ms)}, 201)
    answer.headers["cache-control"] = "no-store"
    return answer


async def list_sessions(service: ExecutorService, _request: Request) -> JsonResponse:
    return build_success({"sessions": [session.to_json() for session in await service.sessions.list()]})


async def revoke(service: ExecutorService, request: Request) -> JsonResponse:
    session_id = request.path_params["id"]
    await service.sessions.revoke(session_id, actor_of(request))
    return build_success({"id": session_id, "revoked": True})


async def revoke_all(service: ExecutorService, request: Request) -> JsonResponse:
    return build_success({"revoked": await service.sessions.revoke_all(actor_of(request))})


def _build_source(grant: Grant, key: str) -> Source:
    return Source(Grant(grant.right, grant.workflow), hash_api_key(key), is_own=grant is OWNER)


def _tell(access: "Access", request: Request, session: Session, status: int, headers: dict[str, str]) -> JsonResponse:
    told = session.to_json()
    platform = {
        "name": request.url.netloc,
        "url": request.app.state.public_url or find_origin(request),
        "multi_tenant": access.is_hosted,
        "version": __version__,
    }
    known = {name: told[name] for name in ("id", "can", "workflow", "read_only", "expires_at", "key_id")}
    answer = build_success({**known, "platform": platform}, status)
    answer.headers.update({"cache-control": "no-store", **headers})
    return answer


def _read_text(body: dict[str, Any], name: str) -> str:
    text = body.get(name, "")
    if not isinstance(text, str):
        raise RequestError(f"`{name}` must be a string.")
    return text


def _read_flag(body: dict[str, Any]) -> bool:
    flag = body.get("read_only", False)
    if not isinstance(flag, bool):
        raise RequestError("`read_only` must be true or false.")
    return flag


def _build_used() -> SessionError:
    return SessionError(
        "This link has been used, or is older than a minute.",
        code="LINK_USED",
        next_actions=["Make a new one: acr open"],
    )
