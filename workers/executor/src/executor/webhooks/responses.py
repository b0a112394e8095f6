"""Turns a run's response into HTTP."""

from collections.abc import Iterable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from arcrun.engine.answers.run_response import RunResponse
from arcrun.workflows.responses.files import DEFAULT_TYPE, decode_base64, render_disposition
from arcrun.workflows.responses.headers import CONTENT_TYPE, SET_COOKIE
from arcrun.workflows.responses.model import BODILESS_STATUSES, FILE, HTML, JSON, REDIRECT
from arcrun_http.responses import JsonResponse

TEXT_TYPE, HTML_TYPE, JSON_TYPE = "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/json"
_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"  # RFC 3986, and % of what is encoded already


def build_response(made: RunResponse, plain: JsonResponse, request: Request) -> Response:
    """The answer of the webhook that `request` has called. `plain` is arcrun's own."""
    body, defaults = _render_body(made, plain)
    own = {name for name, _ in made.headers}
    if made.status in BODILESS_STATUSES:
        body, defaults = b"", {}
    response = Response(body, made.status)
    response.raw_headers.extend(_encode((name, value) for name, value in defaults.items() if name not in own))
    path = f"/webhooks/{request.path_params['token']}/trigger"
    response.raw_headers.extend(
        _encode((name, f"{value}; Path={path}" if name == SET_COOKIE else value) for name, value in made.headers)
    )
    if made.status in {204, 304}:  # RFC 9110, section 8.6
        response.raw_headers[:] = [pair for pair in response.raw_headers if pair[0] != b"content-length"]
    return response


def _render_body(made: RunResponse, plain: JsonResponse) -> tuple[bytes, dict[str, str]]:
    """The body, and the headers that the workflow's own replace."""
    content = made.content
    if made.kind == REDIRECT:
        return b"", {"location": quote(content, _URL_CHARACTERS, errors="replace")}
    if made.kind == FILE:
        headers = {CONTENT_TYPE: content.get("content_type", DEFAULT_TYPE)}
        if "filename" in content:
            headers["content-disposition"] = render_disposition(content["filename"])
        return decode_base64(content["base64"]) or b"", headers
    if made.kind == JSON:
        return bytes(JsonResponse(content).body), {CONTENT_TYPE: JSON_TYPE}
    if made.kind:
        return content.encode("utf-8", "replace"), {CONTENT_TYPE: HTML_TYPE if made.kind == HTML else TEXT_TYPE}
    return bytes(plain.body), {CONTENT_TYPE: JSON_TYPE}


def _encode(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("ascii", "replace")) for name, value in headers]
