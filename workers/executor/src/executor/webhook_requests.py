"""A webhook's request: which methods run its workflow, what lies behind /trigger, and what templates see of it."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from arcrun.credentials.secret_headers import find_header_secrets, is_secret_header
from arcrun.errors import MethodNotAllowedError, RequestError
from arcrun.limits import MAX_FORM_FIELDS
from arcrun.ports import Clock, TextDecoder
from arcrun.workflows.triggers.model import API_KEY_HEADER, Webhook
from arcrun_http.auth import presented_key
from arcrun_http.callers import address_of
from arcrun_http.forms import build_field_count_error
from arcrun_http.responses import render_error
from executor.bodies import Body, group_fields, list_query, media_type_of, parse_input, read_content, read_text

# The platform's cookies, in a header of any form: several headers are joined by commas, and a nameless cookie's value
# counts as a name.
_OWN_COOKIES = re.compile(r"(?:^|[;,])[\s=]*__(?:host|secure)-[^;]*", re.IGNORECASE)


def answer_without_run(method: str, webhook: Webhook) -> Response:
    """The answer to a method that runs nothing. HEAD must have no effects (RFC 9110, section 9.2.1), and a run may."""
    allow = {"allow": ", ".join(webhook.allowed)}
    if method == "OPTIONS":
        return Response(status_code=204, headers=allow)
    if method == "HEAD" and method in webhook.allowed:
        return Response(status_code=200)
    refusal = MethodNotAllowedError(
        f"This webhook does not take {method[:20]}.",
        next_actions=[f"Send {' or '.join(webhook.methods)}."],
        details={"allowed": list(webhook.methods)},
    )
    return render_error(refusal, allow)


def read_path(request: Request) -> str:
    """What follows /trigger in the URL, decoded once: it begins with a slash, and ends with none. Raises RequestError
    INVALID_PATH.
    """
    path: str = request.path_params.get("path", "")
    if "\0" in path or ".." in path.replace("\\", "/").split("/"):
        raise RequestError(
            "The path behind /trigger must not have `..` or a NUL character.",
            code="INVALID_PATH",
            next_actions=["Send such a value in the query or in the body."],
        )
    return f"/{path.rstrip('/')}"


async def read_webhook_request(
    request: Request, webhook: Webhook, clock: Clock, decoder: TextDecoder | None, *, has_key: bool
) -> "tuple[Any, WebhookRequest]":
    """The input of a run, and the request. Raises RequestError."""
    read_path(request)  # refuses it before the run, as the query
    if request.scope["query_string"].count(b"&") >= MAX_FORM_FIELDS:
        raise build_field_count_error(MAX_FORM_FIELDS)
    body = await read_content(request, clock)
    value = await parse_input(request, body, decoder, clock)
    return value, WebhookRequest(request, webhook, body, decoder, has_key=has_key)


class WebhookRequest:
    """A RequestSource (arcrun/engine/request.py). `has_key` is whether the request shows the owner's API key, which no
    workflow sees.
    """

    received_ms = None

    def __init__(
        self, request: Request, webhook: Webhook, body: Body, decoder: TextDecoder | None, *, has_key: bool
    ) -> None:
        self.body = body
        self._request, self._webhook, self._decoder, self._has_key = request, webhook, decoder, has_key

    def describe(self, fields: Collection[str]) -> Mapping[str, Any]:
        """Raises RequestError TOO_MANY_FIELDS."""
        request = self._request
        described: dict[str, Any] = {
            "method": request.method,
            "path": read_path(request),
            "content_type": media_type_of(self.body.content_type) or None,
            "ip": address_of(request),
        }
        if "headers" in fields:
            described["headers"] = self._list_headers()
        if "text" in fields:
            described["text"] = read_text(self.body, self._decoder)
        if "query" in fields or "query_all" in fields:
            grouped = group_fields(list_query(request))
            described["query_all"] = grouped
            described["query"] = {name: values[0] for name, values in grouped.items()}
        return described

    def _list_headers(self) -> dict[str, str]:
        """The headers by their names in lower case, except what is the platform's own: its API key, and cookies of the
        prefixes that no workflow may set.
        """
        listed: dict[str, str] = {}
        for raw_name, raw_value in self._request.scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            between = "; " if name == "cookie" else ", "
            listed[name] = f"{listed[name]}{between}{value}" if name in listed else value
        listed.pop(API_KEY_HEADER, None)
        key = presented_key(self._request) if self._has_key else ""  # empty with a session, which is a cookie
        if key and listed.get("authorization", "").endswith(key):
            del listed["authorization"]
        if "cookie" in listed:
            pairs = _OWN_COOKIES.sub("", listed["cookie"]).split(";")
            listed["cookie"] = "; ".join(filter(None, map(str.strip, pairs)))
        return listed

    def list_secrets(self) -> Mapping[str, str]:
        verifying = {} if self._webhook.verify is None else self._webhook.verify.secret_headers
        secrets = []
        for name, value in self._list_headers().items():
            if name in verifying:  # whatever `record_headers` says
                secrets.append(value.removeprefix(verifying[name]))
            if name in verifying or (is_secret_header(name) and name not in self._webhook.record_headers):
                secrets += find_header_secrets(name, value)
        return {f"\0header {number}": secret for number, secret in enumerate(secrets)}
