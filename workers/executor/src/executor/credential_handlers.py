"""Handlers of stored credentials, which are written by the command line, and never told."""

from starlette.requests import Request

from arcrun.credentials.record import validate_name
from arcrun.errors import RequestError
from arcrun.limits import MAX_TRIED_URL_CHARACTERS
from arcrun_http.requests import read_object
from arcrun_http.responses import JsonResponse, build_success
from executor.service import ExecutorService


async def try_credential(service: ExecutorService, request: Request) -> JsonResponse:
    from executor.authorization.trial import Trial, try_credential  # noqa: PLC0415 - few requests need it

    body = await read_object(request, allowed=("auth", "url"))
    auth, url, name = body.get("auth"), body.get("url", ""), request.path_params["name"]
    validate_name(name)
    if auth is not None and not isinstance(auth, dict):
        raise RequestError("`auth` must be an object, as a node has it.")
    if not isinstance(url, str) or len(url) > MAX_TRIED_URL_CHARACTERS:
        raise RequestError(f"`url` must be a string of at most {MAX_TRIED_URL_CHARACTERS} characters.")
    return build_success(await try_credential(service, Trial(name, auth, url)))
