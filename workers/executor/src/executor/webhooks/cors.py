"""Lets pages of other origins call a webhook and read its answers (https://fetch.spec.whatwg.org/#http-cors-protocol).

What they are let in to is the answer, not the run: any caller may send a request, and CORS only decides whether a
browser shows what came back.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from arcrun.errors import ArcrunError
from arcrun.workflows.triggers.model import ANY_ORIGIN, Cors, Webhook
from arcrun_http.responses import render_error
from executor.service import ExecutorService

NO_ORIGIN = "null"  # of a page in a sandbox, such as another webhook's, and of files


async def answer_shared(
    request: Request, webhook: Webhook, cors: Cors, answer: Callable[[], Awaitable[Response]]
) -> Response:
    """The answer with the headers by which an allowed origin may read it, errors too; a preflight without a run."""
    origin = request.headers.get("origin", "")
    is_allowed = origin not in ("", NO_ORIGIN) and (origin in cors.origins or ANY_ORIGIN in cors.origins)
    is_preflight = request.method == "OPTIONS" and "access-control-request-method" in request.headers
    if is_preflight:
        response = Response(status_code=204)
    else:
        try:
            response = await answer()
        except ArcrunError as error:
            response = render_error(error)
    response.headers.add_vary_header("Origin")
    if not is_allowed:
        return response
    response.headers["access-control-allow-origin"] = origin
    if is_preflight:
        response.headers["access-control-allow-methods"] = ", ".join(cors.methods or webhook.methods)
        if cors.headers:
            response.headers["access-control-allow-headers"] = ", ".join(cors.headers)
        response.headers["access-control-max-age"] = str(cors.max_age_s)
    else:
        response.headers["access-control-expose-headers"] = "*"
    return response


async def answer_refused(service: ExecutorService, request: Request, refusal: ArcrunError) -> Response | None:
    """The refusal of a request whose webhook has not been looked up. None if the webhook has no `cors`, or cannot be
    looked up.
    """
    try:
        webhook = (await service.workflows.find(request.path_params["token"])).plan.triggers.webhook
    except ArcrunError:
        return None
    if webhook.cors is None:
        return None

    async def refuse() -> Response:
        raise refusal

    return await answer_shared(request, webhook, webhook.cors, refuse)
