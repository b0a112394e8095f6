"""`triggers` of a workflow's file -> Triggers."""

import re
from collections.abc import Mapping
from typing import Any

from arcrun.limits import MAX_RECORDED_HEADERS
from arcrun.templates.hints import suggest_nearest
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.workflows.settings import Reader
from arcrun.workflows.triggers.idempotency import parse_idempotency
from arcrun.workflows.triggers.model import METHODS, Triggers, Webhook
from arcrun.workflows.triggers.verify import parse_verify, warn_of_unsigned_query

TRIGGER_KEYS = ("webhook",)
WEBHOOK_KEYS = ("methods", "record_headers", "verify", "idempotency")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")  # RFC 9110, section 5.6.2: a token
_ANSWERED = {
    "HEAD": "HEAD is answered where GET is allowed, without a run.",
    "OPTIONS": "OPTIONS is answered without a run.",
}


def parse_triggers(findings: Findings, value: Any, at: Path) -> Triggers:
    Reader(findings, value, at, TRIGGER_KEYS)
    if not isinstance(value, Mapping) or "webhook" not in value:
        return Triggers()
    return Triggers(_parse_webhook(findings, value["webhook"], (*at, "webhook")))


def _parse_webhook(findings: Findings, value: Any, at: Path) -> Webhook:
    Reader(findings, value, at, WEBHOOK_KEYS)
    given = value if isinstance(value, Mapping) else {}
    default = Webhook()
    webhook = Webhook(
        methods=_parse_methods(findings, given["methods"], (*at, "methods")) if "methods" in given else default.methods,
        record_headers=_parse_names(findings, given["record_headers"], (*at, "record_headers"))
        if "record_headers" in given
        else (),
        verify=parse_verify(findings, given["verify"], (*at, "verify")) if "verify" in given else None,
        idempotency=parse_idempotency(findings, given["idempotency"], (*at, "idempotency"))
        if "idempotency" in given
        else None,
    )
    if webhook.verify is not None:
        warn_of_unsigned_query(webhook.verify, webhook.methods, (*at, "verify"), findings)
    return webhook


def _parse_methods(findings: Findings, value: Any, at: Path) -> tuple[str, ...]:
    """In the order of METHODS, so that their order in the file means nothing."""
    listed = value if isinstance(value, list) else []
    allowed = f"Allowed: {', '.join(METHODS)}."
    if not listed:
        findings.add("INVALID_SETTING", "`methods` must be a list of one or more methods", allowed, at=at)
    wrong = [method for method in listed if method not in METHODS]
    for method in wrong[:1]:
        hint = _ANSWERED.get(str(method).upper()) or suggest_nearest(str(method), METHODS, allowed, ignore_case=True)
        findings.add("INVALID_SETTING", f"`methods` has {method!r}, which cannot run a workflow", hint, at=at)
    chosen = tuple(method for method in METHODS if method in listed)
    return chosen or Webhook().methods


def _parse_names(findings: Findings, value: Any, at: Path) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else []
    names = [name.lower() for name in listed if isinstance(name, str) and _HEADER_NAME.fullmatch(name)]
    if not isinstance(value, list) or len(names) < len(listed):
        message = "`record_headers` must be a list of names of headers"
        findings.add("INVALID_SETTING", message, "record_headers: [x-request-token]", at=at)
    if len(names) > MAX_RECORDED_HEADERS:
        message = f"`record_headers` has {len(names)} names; the limit is {MAX_RECORDED_HEADERS}"
        findings.add("INVALID_SETTING", message, at=at)
    return tuple(sorted(set(names)))
