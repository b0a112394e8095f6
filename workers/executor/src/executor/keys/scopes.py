"""What a route needs of an access key, and how the workflow of a request is told, for keys that count for one alone."""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response

from arcrun.errors import ForbiddenError, NotFoundError
from arcrun.rights import HIDDEN, Grant, Right
from arcrun_http.responses import JsonResponse, StreamedResponse
from executor.service import ExecutorService


class Scope(Enum):
    """What a route is about."""

    ACCOUNT = auto()  # all of it: no key of one workflow may
    ANY = auto()  # nothing that belongs to a workflow
    NAME = auto()  # the workflow `name` in the path
    TOKEN = auto()  # the workflow of the webhook's `token` in the path
    RUN = auto()  # the workflow of the run `run_id` in the path
    STORE = auto()  # the store of a workflow, `kind` and `name` in the path
    RUNS = auto()  # a list of runs, which takes `?workflow=`
    LIST = auto()  # a list of what belongs to workflows
    PUSH = auto()  # the workflow that the body has: the handler itself looks


@dataclass(frozen=True)
class Rule:
    right: Right
    scope: Scope


async def require(service: ExecutorService, request: Request, grant: Grant, rule: Rule) -> None:
    """Raises ForbiddenError KEY_NOT_ALLOWED, and NotFoundError where a key of one workflow asks for another's."""
    request.state.grant = grant
    if grant.right < rule.right:
        raise ForbiddenError(
            f"This key can {grant.right.word}; this needs one that can {rule.right.word}.",
            code="KEY_NOT_ALLOWED",
            next_actions=[f"Use another key, or make one: acr keys create NAME --can {rule.right.word}"],
        )
    if grant.workflow:
        await _require_workflow(service, request, grant.workflow, rule.scope)


async def _require_workflow(service: ExecutorService, request: Request, workflow: str, scope: Scope) -> None:
    path = request.path_params
    if scope is Scope.ACCOUNT:
        raise ForbiddenError(
            f"This key counts for the workflow `{workflow}` alone; this is about the whole account.",
            code="KEY_NOT_ALLOWED",
            next_actions=["Use a key without --workflow."],
        )
    if scope is Scope.RUNS:
        found = _ask_for(request, workflow)
    elif scope is Scope.NAME:
        found = path["name"]
    elif scope is Scope.TOKEN:
        found = await service.workflows.find_name(path["token"])
    elif scope is Scope.RUN:
        found = (await service.runs.find(path["run_id"]))["workflow"]
    elif scope is Scope.STORE:
        found = path["name"] if path["kind"] == "workflow" else ""
    else:
        return
    if found != workflow:
        raise NotFoundError(
            f"Nothing of this kind belongs to the workflow `{workflow}`, for which alone this key counts.",
            code="KEY_NOT_ALLOWED",
            next_actions=["Use a key without --workflow, or one for the other workflow."],
        )


def _ask_for(request: Request, workflow: str) -> str:
    """Have a list of runs be of this workflow, if the query names none. Returns which it is then."""
    query = request.scope["query_string"].decode("latin-1")
    named = [value for key, value in parse_qsl(query, keep_blank_values=True) if key == "workflow"]
    if not named:
        request.scope["query_string"] = f"{query}&{urlencode({'workflow': workflow})}".lstrip("&").encode("latin-1")
    return named[-1] if named else workflow


# What starts or decides something without a key: who may only read gets none of it. A webhook's token, in its address
# or by itself; the tag of a mail address; the ticket of an approval's link. Also in JSON that is a text of the answer,
# with a backslash before its quotes, and in an address that is a part of another one. A value by its name goes up to
# its own closing quote: what a caller sent under the name `token` must not end it earlier.
_NAMED = rb"(?:token|webhook_url|email_address)"
_SLASH = rb"(?:/|%2[Ff])"
_SECRETS = re.compile(
    rb'("' + _NAMED + rb'"\s*:\s*")[^"\\]*(?:\\.[^"\\]*)*'
    rb'|(\\+"' + _NAMED + rb'\\+"\s*:\s*\\+")[^"\\]*'
    rb"|(" + _SLASH + rb"webhooks" + _SLASH + rb")(?!named" + _SLASH + rb")[\w-]+"
    rb"|(" + _SLASH + rb"approvals" + _SLASH + rb"[\w-]+" + _SLASH + rb")[\w.~-]+"
)


def hide_secrets(content: bytes) -> bytes:
    return _SECRETS.sub(lambda found: found[found.lastindex or 0] + HIDDEN.encode(), content)


def limit_answer(response: Response, grant: Grant, rule: Rule) -> Response:
    """The answer as the key may see it."""
    if grant.workflow and rule.scope is Scope.LIST and isinstance(response, JsonResponse):
        response = _keep_own(response, grant.workflow)
    if grant.right is not Right.READ:
        return response
    if isinstance(response, StreamedResponse):
        response.parts = _hide_in_parts(response.parts)
        return response
    response.body = hide_secrets(bytes(response.body))
    response.headers["content-length"] = str(len(response.body))
    return response


async def _hide_in_parts(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A part is whole events or lines, so no secret lies across two."""
    async for part in parts:
        yield hide_secrets(part)


def _keep_own(response: JsonResponse, workflow: str) -> JsonResponse:
    answer = json.loads(bytes(response.body))
    data = answer.get("data", {})
    for name, listed in data.items():
        keeps = _OWN.get(name)
        if isinstance(listed, list) and keeps is not None:
            data[name] = [each for each in listed if keeps(each, workflow)]
        elif isinstance(listed, dict):
            data[name] = {key: value for key, value in listed.items() if key == workflow}
    return JsonResponse(answer, response.status_code)


_OWN: Mapping[str, Callable[[Any, str], bool]] = {
    "workflows": lambda each, workflow: each["name"] == workflow,
    "schedules": lambda each, workflow: each["workflow"] == workflow,
    "stores": lambda each, workflow: each["kind"] == "workflow" and each["name"] == workflow,
}
