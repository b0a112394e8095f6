"""`triggers` of a workflow's file -> Triggers."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arcrun.limits import MAX_ANSWER_WAIT_MS, MAX_CORS_ORIGINS, MAX_RECORDED_HEADERS
from arcrun.templates.hints import suggest_nearest
from arcrun.times import read_duration_ms
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.workflows.responses.headers import HEADER_NAME
from arcrun.workflows.settings import Reader
from arcrun.workflows.triggers.idempotency import parse_idempotency
from arcrun.workflows.triggers.model import (
    ANY_ORIGIN,
    API_KEY_HEADER,
    DEFAULT_CORS_AGE_S,
    DEFAULT_CORS_HEADERS,
    DEFAULT_WAIT_MS,
    METHODS,
    Cors,
    Triggers,
    Webhook,
)
from arcrun.workflows.triggers.verify import parse_verify, warn_of_unanswered_check, warn_of_unsigned_query

if TYPE_CHECKING:
    from arcrun.workflows.triggers.failures import FailureTrigger
    from arcrun.workflows.triggers.mail import MailTrigger
    from arcrun.workflows.triggers.schedules import Schedule
    from arcrun.workflows.triggers.watch import Watch

TRIGGER_KEYS = ("webhook", "schedule", "failure_of", "email", "after", "watch")
WEBHOOK_KEYS = ("methods", "record_headers", "verify", "cors", "idempotency", "answer")
CORS_KEYS = ("origins", "methods", "headers", "max_age_s")
MAX_CORS_AGE_S = 86_400  # what browsers keep at most
# What a browser sends as Origin: in lower case, a name of another script in punycode.
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_DEFAULT_PORT = re.compile(r"http://.*:80|https://.*:443")
_ANSWERED = {
    "HEAD": "HEAD is answered where GET is allowed, without a run.",
    "OPTIONS": "OPTIONS is answered without a run.",
}


def parse_triggers(findings: Findings, value: Any, at: Path, *, is_durable: bool = False) -> Triggers:
    Reader(findings, value, at, TRIGGER_KEYS)
    given = value if isinstance(value, Mapping) else {}
    webhook = Webhook()
    if "webhook" in given:
        webhook = _parse_webhook(findings, given["webhook"], (*at, "webhook"), is_durable=is_durable)
    return Triggers(
        webhook,
        _parse_schedules(findings, given["schedule"], at) if "schedule" in given else (),
        _parse_failures(findings, given["failure_of"], at) if "failure_of" in given else None,
        _parse_mail(findings, given["email"], at) if "email" in given else None,
        _parse_after(findings, given["after"], at) if "after" in given else (),
        _parse_watch(findings, given["watch"], at) if "watch" in given else None,
    )


def _parse_schedules(findings: Findings, value: Any, at: Path) -> "tuple[Schedule, ...]":
    from arcrun.workflows.triggers.schedules import parse_schedules  # noqa: PLC0415 - few workflows have any

    return parse_schedules(findings, value, (*at, "schedule"))


def _parse_failures(findings: Findings, value: Any, at: Path) -> "FailureTrigger | None":
    from arcrun.workflows.triggers.failures import parse_failures  # noqa: PLC0415 - few workflows have any

    return parse_failures(findings, value, (*at, "failure_of"))


def _parse_after(findings: Findings, value: Any, at: Path) -> tuple[str, ...]:
    from arcrun.workflows.triggers.after import parse_after  # noqa: PLC0415 - few workflows have it

    return parse_after(findings, value, (*at, "after"))


def _parse_watch(findings: Findings, value: Any, at: Path) -> "Watch | None":
    from arcrun.workflows.triggers.watch import parse_watch  # noqa: PLC0415 - few workflows have it

    return parse_watch(findings, value, (*at, "watch"))


def _parse_mail(findings: Findings, value: Any, at: Path) -> "MailTrigger":
    from arcrun.workflows.triggers.mail import parse_mail  # noqa: PLC0415 - few workflows have it

    return parse_mail(findings, value, (*at, "email"))


def _parse_webhook(findings: Findings, value: Any, at: Path, *, is_durable: bool) -> Webhook:
    Reader(findings, value, at, WEBHOOK_KEYS)
    given = value if isinstance(value, Mapping) else {}
    default = Webhook()
    webhook = Webhook(
        methods=_parse_methods(findings, given["methods"], (*at, "methods")) if "methods" in given else default.methods,
        record_headers=_parse_recorded(findings, given["record_headers"], (*at, "record_headers"))
        if "record_headers" in given
        else (),
        verify=parse_verify(findings, given["verify"], (*at, "verify")) if "verify" in given else None,
        cors=_parse_cors(findings, given["cors"], (*at, "cors")) if "cors" in given else None,
        idempotency=parse_idempotency(findings, given["idempotency"], (*at, "idempotency"))
        if "idempotency" in given
        else None,
        wait_ms=_parse_answer(findings, given["answer"], (*at, "answer"), is_durable=is_durable)
        if "answer" in given
        else None,
    )
    if webhook.verify is not None:
        warn_of_unsigned_query(webhook.verify, webhook.methods, (*at, "verify"), findings)
        warn_of_unanswered_check(webhook.verify, webhook.methods, (*at, "verify"), findings)
    if webhook.cors is not None:
        _warn_of_refused_methods(webhook.cors, webhook.methods, (*at, "cors", "methods"), findings)
    return webhook


def _parse_answer(findings: Findings, value: Any, at: Path, *, is_durable: bool) -> int | None:
    """`accepted`, `wait`, or how long to wait. A run that is not durable is waited for without being accepted."""
    if value == "wait":
        return DEFAULT_WAIT_MS if is_durable else None
    if value == "accepted":
        return 0
    asked = value.get("wait") if isinstance(value, Mapping) and value.keys() == {"wait"} else None
    wait_ms = read_duration_ms(asked) if isinstance(asked, str) else None
    if wait_ms is None or not 1 <= wait_ms <= MAX_ANSWER_WAIT_MS:
        message = f"`{at[-1]}` must be accepted, wait, or a wait of at most {MAX_ANSWER_WAIT_MS // 1000}s"
        findings.add("INVALID_SETTING", message, "For example: answer: {wait: 10s}.", at=at)
    return wait_ms


def _warn_of_refused_methods(cors: Cors, methods: Sequence[str], at: Path, findings: Findings) -> None:
    for method in cors.methods or ():
        if method not in methods:
            message = f"`methods` of `cors` has {method}, which the webhook does not take"
            findings.warn("INVALID_SETTING", message, f"It takes {', '.join(methods)}.", at=at)


def _parse_cors(findings: Findings, value: Any, at: Path) -> Cors:
    reader = Reader(findings, value, at, CORS_KEYS)
    given = value if isinstance(value, Mapping) else {}
    return Cors(
        _parse_origins(findings, given.get("origins"), (*at, "origins")),
        _parse_methods(findings, given["methods"], (*at, "methods")) if "methods" in given else None,
        _parse_names(findings, given["headers"], (*at, "headers")) if "headers" in given else DEFAULT_CORS_HEADERS,
        reader.number("max_age_s", DEFAULT_CORS_AGE_S, 0, MAX_CORS_AGE_S),
    )


def _parse_origins(findings: Findings, value: Any, at: Path) -> tuple[str, ...]:
    """ANY_ORIGIN, or origins as browsers send them."""
    example = 'origins: ["https://example.com"], or origins: ["*"] for every page.'
    listed = value if isinstance(value, list) else []
    origins = tuple(dict.fromkeys(origin for origin in listed if origin == ANY_ORIGIN or _is_origin(origin)))
    if not listed:
        findings.add("INVALID_SETTING", "`cors` needs `origins`, a list of one or more", example, at=at)
    elif wrong := [origin for origin in listed if origin not in origins]:
        message = f"`origins` has {wrong[0]!r}, which is no origin: scheme://host, and a port unless it is the default"
        hint = "Pages without an origin (`null`) cannot be let in." if wrong[0] in (None, "null") else example
        findings.add("INVALID_SETTING", message, hint, at=at)
    elif ANY_ORIGIN in origins and len(origins) > 1:
        message = "`origins` has `*`, which lets in every page, and others beside it"
        findings.add("INVALID_SETTING", message, "Keep one of them.", at=at)
    if len(origins) > MAX_CORS_ORIGINS:
        message = f"`origins` has {len(origins)} origins; the limit is {MAX_CORS_ORIGINS}"
        findings.add("INVALID_SETTING", message, at=at)
    return origins


def _is_origin(value: Any) -> bool:
    return isinstance(value, str) and bool(_ORIGIN.fullmatch(value)) and not _DEFAULT_PORT.fullmatch(value)


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


def _parse_recorded(findings: Findings, value: Any, at: Path) -> tuple[str, ...]:
    names = _parse_names(findings, value, at)
    if API_KEY_HEADER in names:
        message = f"`record_headers` has {API_KEY_HEADER}, which no workflow sees"
        findings.add("INVALID_SETTING", message, "Leave it out: it is arcrun's own key.", at=at)
    return names


def _parse_names(findings: Findings, value: Any, at: Path) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else []
    names = [name.lower() for name in listed if isinstance(name, str) and HEADER_NAME.fullmatch(name)]
    if not isinstance(value, list) or len(names) < len(listed):
        message = f"`{at[-1]}` must be a list of names of headers"
        findings.add("INVALID_SETTING", message, f"{at[-1]}: [x-request-token]", at=at)
    if len(names) > MAX_RECORDED_HEADERS:
        message = f"`{at[-1]}` has {len(names)} names; the limit is {MAX_RECORDED_HEADERS}"
        findings.add("INVALID_SETTING", message, at=at)
    return tuple(sorted(set(names)))
