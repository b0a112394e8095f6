"""Makes the response of a run from its workflow's `response`, when the run has ended.

The rendering is bounded like a node's input. What it becomes is checked by the rules of
arcrun/workflows/responses, which the push has applied to what is literal.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from arcrun.engine.answers.run_response import Header, RunResponse
from arcrun.engine.budget import COMPILED_REFERENCE_WORK
from arcrun.engine.context import RunContext
from arcrun.engine.tasks import REFERENCE_WORK
from arcrun.errors import ArcrunError, InternalError, RunError, describe_fault
from arcrun.json_text import write_json
from arcrun.limits import MAX_INPUT_BYTES, MAX_JSON_VALUES, MAX_RESPONSE_HEADER_CHARACTERS, MAX_RESPONSE_HEADERS
from arcrun.templates.rendering import Rendering
from arcrun.templates.run import RUN
from arcrun.templates.template import START, Scope
from arcrun.workflows.model import INPUT
from arcrun.workflows.references import ERROR
from arcrun.workflows.responses.files import FILE_KEYS, decode_base64
from arcrun.workflows.responses.headers import SET_COOKIE, find_value_problem
from arcrun.workflows.responses.model import (
    BODY,
    FAILED_STATUS,
    FILE,
    HTML,
    REDIRECT,
    Response,
    is_status,
    parse_status,
)
from arcrun.workflows.responses.redirects import find_redirect_problem

logger = logging.getLogger("arcrun")
_DIGITS = re.compile("[0-9]{3}")


class Responder:
    """Makes the response of one run, once. `scope` is what its templates see, None until the graph has begun;
    `response` is None until it is made.
    """

    def __init__(self, response: Response, context: RunContext, run_id: str) -> None:
        self._response, self._context, self._run_id = response, context, run_id
        self.scope: Scope | None = None
        self.response: RunResponse | None = None

    async def answer(self) -> None:
        """Make the response of a run that has succeeded, or answers early. Raises RunError RESPONSE_FAILED,
        CpuBudgetError.
        """
        if self.response is not None:
            return
        self.response = await self._make(self._response, {}, self._response.default_status)

    async def answer_failure(self, error: ArcrunError, trigger_input: Any) -> None:
        """Make the response of a run that has failed. If it cannot be made, it is arcrun's own."""
        if self.response is not None:
            return
        own = self._response.on_failure
        self.response = RunResponse(FAILED_STATUS)
        if own is None:
            return
        if self.scope is None:
            self.scope = {INPUT: trigger_input, START: self._context.started_ms}
        told = {"code": error.code, "message": error.message, "node": error.details.get("node")}
        default = own.default_status if own.kind == REDIRECT else FAILED_STATUS
        try:
            self.response = await self._make(own, {ERROR: told}, default)
        except ArcrunError as failure:
            self.response = RunResponse(FAILED_STATUS, error=failure)
        except Exception as fault:
            logger.error("The response of the failed run %s failed too: %s", self._run_id, describe_fault(fault))
            self.response = RunResponse(FAILED_STATUS, error=InternalError())

    async def _make(self, response: Response, more: Scope, default_status: int) -> RunResponse:
        context = self._context
        work = context.budget.work
        if context.pace.is_due:
            await context.pace.rest()
        if work.is_limited:
            references = "parts", lambda parts: sum(len(it.references) for _, it in parts) * COMPILED_REFERENCE_WORK
            work.take_compiling(response, *references)
        rendering = work.open_rendering()
        scope = {**(self.scope or {}), RUN: {"id": self._run_id}, **more}
        made = _build(response, _render(response, scope, rendering), default_status)
        context.pace.count(REFERENCE_WORK * sum(len(template.references) for _, template in response.parts))
        context.pace.count_rendering(rendering)
        return replace(made, weight=rendering.weight)


def _render(response: Response, scope: Scope, rendering: Rendering) -> dict[str, Any]:
    """The values of the response's parts. Raises RunError RESPONSE_FAILED, CpuBudgetError."""
    rendered = {}
    for name, template in response.parts:
        try:
            rendered[name] = template.render(scope, rendering)
        except ArcrunError as error:
            if error.ends_run:
                raise
            if error.code == "INPUT_TOO_LARGE":
                message = f"is larger than {MAX_INPUT_BYTES >> 20} MiB or {MAX_JSON_VALUES} values"
                raise _fail(name, message, "Answer a part, or store it where it can be fetched.") from None
            raise _fail(name, f"cannot be made: {error.message}", *error.next_actions, cause=error.code) from None
    return rendered


def _build(response: Response, rendered: Mapping[str, Any], default_status: int) -> RunResponse:
    """Raises RunError RESPONSE_FAILED."""
    kind = response.kind
    status = default_status
    if response.status is not None:
        status = _read_status(rendered["status"], kind)
    headers = tuple(_list_headers(response, rendered))
    total = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > MAX_RESPONSE_HEADERS or total > MAX_RESPONSE_HEADER_CHARACTERS:
        most = f"{MAX_RESPONSE_HEADERS} or {MAX_RESPONSE_HEADER_CHARACTERS} characters"
        raise _fail("headers", f"are more than {most}", "Send it in the body.")
    content = rendered.get(kind)
    if kind in (BODY, HTML):
        content = content if isinstance(content, str) else _write_text(kind, content)
    elif kind == REDIRECT:
        content = _check_redirect(response, content)
    elif kind == FILE:
        content = _check_file(content)
    return RunResponse(status, headers, kind, content)


def _read_status(value: Any, kind: str) -> int:
    status = parse_status(int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value)
    if status is None or not is_status(status, kind):
        raise _fail("status", f"cannot be {write_json(value)[:100]}", "It is an integer from 200 to 599.")
    return status


def _list_headers(response: Response, rendered: Mapping[str, Any]) -> Iterator[Header]:
    """The headers; one that is null is left out. Raises RunError RESPONSE_FAILED."""
    for name in response.headers:
        given = rendered[f"headers.{name}"]
        for value in given if isinstance(given, list) and name == SET_COOKIE else [given]:
            if value is None:
                continue
            if isinstance(value, list | dict):
                raise _fail(f"headers.{name}", "must be a string", "Write {{list | join(', ')}} or {{object | json}}.")
            text = (value if isinstance(value, str) else write_json(value)).strip()
            if problem := find_value_problem(name, text):
                raise _fail(f"headers.{name}", *problem)
            yield name, text


def _write_text(kind: str, value: Any) -> str:
    """A body that is no string: numbers and words as JSON, null as nothing. Raises RunError RESPONSE_FAILED."""
    if isinstance(value, list | dict) and kind == HTML:
        raise _fail(kind, "must be a string", "Name one of its fields.")
    return "" if value is None else write_json(value)


def _check_redirect(response: Response, value: Any) -> str:
    url = value.strip() if isinstance(value, str) else None
    if not url:
        raise _fail(REDIRECT, "must be a URL", "For example: https://example.com/thanks.")
    if problem := find_redirect_problem(url, response.content.strip(), response.redirect_hosts):
        raise _fail(REDIRECT, *problem)
    return url


def _check_file(value: Any) -> dict[str, Any]:
    """The file with its known fields. Raises RunError RESPONSE_FAILED."""
    given = value if isinstance(value, Mapping) else {}
    content = {key: given[key] for key in FILE_KEYS if given.get(key) is not None}
    if not all(isinstance(text, str) for text in content.values()) or decode_base64(content.get("base64", "!")) is None:
        hint = 'file: {base64: "{{pdf.data.base64}}", content_type: application/pdf, filename: bill.pdf}'
        raise _fail(FILE, "must have its content in `base64`, and strings beside it", hint)
    if problem := find_value_problem("content-type", content.get("content_type", "")):
        raise _fail("file.content_type", *problem)
    return content


def _fail(part: str, message: str, *hints: str, cause: str = "") -> RunError:
    return RunError(
        f"`{part}` of the response {message}{'' if message.endswith('.') else '.'}",
        code="RESPONSE_FAILED",
        next_actions=hints,
        details={"part": part, **({"cause": cause} if cause else {})},
    )
