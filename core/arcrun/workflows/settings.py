"""The engine's own settings in a node's config: take, retry, repeat, join, foreach, undo, timeout_ms, cpu_ms,
credentials, idempotency_key, once; and detach, of one that calls a workflow.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from arcrun.limits import (
    MAX_ATTEMPTS,
    MAX_BATCH,
    MAX_CONCURRENCY,
    MAX_DELAY_MS,
    MAX_LINES,
    MAX_NODE_CPU_MS,
    MAX_NODE_TIMEOUT_MS,
    MAX_ROUND_WAIT_MS,
    MAX_ROUNDS,
)
from arcrun.retries import GROWTHS
from arcrun.templates.hints import suggest_nearest
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.workflows.model import Join, LoopPolicy, NodeSettings, RepeatPolicy, RetryPolicy

POLL_AT = ("triggers", "watch")  # the place of the only step of a poll
DEFAULT_RUN_TIMEOUT_MS = 300_000
DEFAULT_CONCURRENCY = 16
ONCE = "once"
KEY = "idempotency_key"
AUTOMATIC = "auto"  # its value
HEADERS = "headers"  # the input's field that gets it, unless the component has one of that name
SETTING_KEYS = (
    *("take", "retry", "repeat", "join", "cancel_rest", "foreach", "undo", "timeout_ms", "cpu_ms", "credentials"),
    *(KEY, ONCE),
)
DETACH = "detach"  # of a node that calls a workflow: a component's input may have this name
FLOW_KEYS = ("repeat", "join", "cancel_rest", "foreach", "undo", DETACH)  # of a node, not of its undo
UNDO_KEYS = tuple(key for key in SETTING_KEYS if key not in FLOW_KEYS)
# Names that no component's input may have, because a node's config could not set it. timeout_ms means the same in both.
# So does idempotency_key: a component that has this input gets the key in it.
RESERVED_INPUTS = ("component", *(key for key in SETTING_KEYS if key not in ("timeout_ms", KEY)))
SUBFLOW_KEYS = (
    *("workflow", "input", "take", "retry", "repeat", "join", "cancel_rest", "foreach", "undo", "timeout_ms", DETACH),
)
SUBFLOW_UNDO_KEYS = tuple(key for key in SUBFLOW_KEYS if key not in FLOW_KEYS)
NO_SETTINGS = NodeSettings()
_TOLERANCE = re.compile(r"\d{1,5}%?")
_JOIN_HINT = "For example: join: first, or join: {at_least: 2}."
# The entries of `retry: {on: [...]}`: a code, a status, a class of statuses, or anything.
_RETRY_CAUSE = re.compile(r"[A-Z][A-Z0-9_]*|[1-5][0-9]{2}|[1-5]xx|\*")


class Reader:
    """Reads the fields of one mapping. Invalid values are reported and replaced by the default."""

    def __init__(self, findings: Findings, value: Any, at: Path, allowed: tuple[str, ...]) -> None:
        self._findings, self._at = findings, at
        self._value: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
        if not isinstance(value, Mapping):
            findings.add("INVALID_SETTING", f"`{_dotted(at)}` must be a mapping with {', '.join(allowed)}", at=at)
        for key in self._value:
            if key not in allowed:
                report_unknown_key(findings, key, allowed, at)

    def number(self, key: str, default: Any, low: float, high: float, *, whole: bool = True) -> Any:
        if key not in self._value:
            return default
        wanted = f"{'an integer' if whole else 'a number'} from {low} to {high}"
        found = self._read(key, default, lambda v: _is_number(v, whole=whole) and low <= v <= high, wanted)
        return int(found) if whole and isinstance(found, float) else found

    def choice(self, key: str, default: str, allowed: tuple[str, ...]) -> str:
        chosen: str = self._read(key, default, allowed.__contains__, f"one of {', '.join(allowed)}")
        return chosen

    def flag(self, key: str) -> bool:
        return bool(self._read(key, False, lambda value: isinstance(value, bool), "true or false"))

    def _read(self, key: str, default: Any, is_valid: Callable[[Any], bool], wanted: str) -> Any:
        value = self._value.get(key, default)
        if key in self._value and not (isinstance(value, str | int | float) and is_valid(value)):
            self._findings.add(
                "INVALID_SETTING", f"`{_dotted((*self._at, key))}` must be {wanted}", at=(*self._at, key)
            )
            return default
        return value


def _is_number(value: Any, *, whole: bool) -> bool:
    """Whether it is a number; 1e3 and 2.0 are integers too, as in JSON."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not (whole and value % 1)


def report_unknown_key(findings: Findings, key: Any, allowed: tuple[str, ...], at: Path) -> None:
    hint = suggest_nearest(str(key), allowed, f"Allowed: {', '.join(allowed)}.", ignore_case=True)
    where = f" in `{_dotted(at)}`" if at else ""
    findings.add("UNKNOWN_KEY", f"unknown key `{key}`{where}", hint, at=(*at, key))


def parse_settings(findings: Findings, config: Mapping[str, Any], at: Path) -> NodeSettings:
    if not config:
        return NO_SETTINGS
    plain = ("timeout_ms", "cpu_ms", KEY, ONCE, DETACH)
    reader = Reader(findings, {key: config[key] for key in plain if key in config}, at, plain)
    return NodeSettings(
        retry=_parse_retry(findings, config["retry"], (*at, "retry")) if "retry" in config else None,
        repeat=_parse_repeat(findings, config["repeat"], (*at, "repeat")) if "repeat" in config else None,
        join=_parse_join(findings, config, at),
        timeout_ms=reader.number("timeout_ms", None, 1, MAX_NODE_TIMEOUT_MS),
        cpu_ms=reader.number("cpu_ms", None, 1, MAX_NODE_CPU_MS),
        take=_parse_take(findings, config["take"], (*at, "take")) if "take" in config else "",
        credentials=_parse_credentials(findings, config.get("credentials", {}), (*at, "credentials")),
        key_field=HEADERS if reader.choice(KEY, "", (AUTOMATIC,)) else "",
        is_detached=reader.flag(DETACH),
        is_once=reader.flag(ONCE),
    )


def _parse_join(findings: Findings, config: Mapping[str, Any], at: Path) -> Join | None:
    """`join` and `cancel_rest`; None for the default."""
    value, cancels = config.get("join", "any"), config.get("cancel_rest", False)
    join: Join | None = None
    if isinstance(value, Mapping):
        reader = Reader(findings, value, (*at, "join"), ("at_least",))
        join = Join(reader.number("at_least", 1, 1, MAX_LINES))
        if "at_least" not in value:
            findings.add(
                "INVALID_SETTING", f"`{_dotted((*at, 'join'))}` needs `at_least`", _JOIN_HINT, at=(*at, "join")
            )
    elif value in ("any", "all", "first"):
        join = Join(1 if value == "first" else None) if value != "any" else None
    else:
        findings.add(
            "INVALID_SETTING",
            f"`{_dotted((*at, 'join'))}` must be any, all, first or {{at_least: N}}",
            _JOIN_HINT,
            at=(*at, "join"),
        )
        return None
    if not isinstance(cancels, bool):
        message = f"`{_dotted((*at, 'cancel_rest'))}` must be true or false"
        findings.add("INVALID_SETTING", message, at=(*at, "cancel_rest"))
    elif cancels and (join is None or not join.is_early):
        message = f"`{_dotted((*at, 'cancel_rest'))}` has no effect: all that leads to this node has ended before it"
        findings.add("INVALID_SETTING", message, "Add join: first, or join: {at_least: N}.", at=(*at, "cancel_rest"))
    return replace(join, cancels_rest=cancels is True) if join is not None else None


def _parse_repeat(findings: Findings, value: Any, at: Path) -> RepeatPolicy | None:
    reader = Reader(findings, value, at, ("until", "max", "wait_ms", "backoff", "collect", "on_max"))
    if not isinstance(value, Mapping):
        return None
    for key, example in (("until", "until: job.data.status == 'done'"), ("max", "max: 20")):
        if key not in value:
            message = f"`{_dotted(at)}` needs `{key}`"
            findings.add("INVALID_SETTING", message, f"For example: repeat: {{{example}, ...}}", at=at)
    return RepeatPolicy(
        until=_parse_until(findings, value.get("until", ""), (*at, "until")),
        max_rounds=reader.number("max", 1, 1, MAX_ROUNDS),
        wait_ms=reader.number("wait_ms", 0, 0, MAX_ROUND_WAIT_MS),
        backoff=reader.choice("backoff", "fixed", ("fixed", "exponential")),
        collect=_parse_take(findings, value["collect"], (*at, "collect"), may_filter=True)
        if "collect" in value
        else "",
        continues=reader.choice("on_max", "fail", ("fail", "continue")) == "continue",
    )


def _parse_until(findings: Findings, value: Any, at: Path) -> str:
    """An expression as in IF, perhaps in braces by mistake; a boolean is one too."""
    text = str(value).lower() if isinstance(value, bool) else value
    if not isinstance(text, str):
        findings.add("INVALID_SETTING", f"`{_dotted(at)}` must be an expression, as in IF", at=at)
        return ""
    return text.strip()


def _parse_take(findings: Findings, value: Any, at: Path, *, may_filter: bool = False) -> str:
    """A reference, optionally in braces, and with filters if it may have them."""
    text = value.strip() if isinstance(value, str) else ""
    path = text[2:-2].strip() if text.startswith("{{") and text.endswith("}}") else text
    if not path or "{" in path or "}" in path or ("|" in path and not may_filter):
        message = f"`{_dotted(at)}` must be `input`, a node, an item or a path into one of them"
        findings.add("INVALID_SETTING", message, f"{at[-1]}: input, or {at[-1]}: orders.data.body", at=at)
        return ""
    return path


def _parse_retry(findings: Findings, value: Any, at: Path) -> RetryPolicy:
    reader = Reader(findings, value, at, ("max_attempts", "backoff", "initial_ms", "max_ms", "jitter", "on"))
    default = RetryPolicy()
    return RetryPolicy(
        max_attempts=reader.number("max_attempts", default.max_attempts, 1, MAX_ATTEMPTS),
        backoff=reader.choice("backoff", default.backoff, tuple(GROWTHS)),
        initial_ms=reader.number("initial_ms", default.initial_ms, 0, MAX_DELAY_MS),
        max_ms=reader.number("max_ms", default.max_ms, 0, MAX_DELAY_MS),
        jitter=reader.number("jitter", default.jitter, 0, 1, whole=False),
        on=_parse_causes(findings, value["on"], (*at, "on")) if isinstance(value, Mapping) and "on" in value else None,
    )


def _parse_causes(findings: Findings, value: Any, at: Path) -> tuple[str, ...] | None:
    causes = [str(cause) for cause in value if isinstance(cause, str | int)] if isinstance(value, list) else []
    if isinstance(value, list) and len(causes) == len(value) and all(map(_RETRY_CAUSE.fullmatch, causes)):
        return tuple(causes)
    message = f"`{_dotted(at)}` must be a list of error codes and statuses"
    findings.add("INVALID_SETTING", message, "on: [HTTP_TIMEOUT, 429, 5xx]", at=at)
    return None


def parse_loop_policy(findings: Findings, value: Any, at: Path) -> LoopPolicy:
    reader = Reader(findings, value, at, ("concurrency", "on_error", "until", "tolerate", "batch"))
    given = value if isinstance(value, Mapping) else {}
    tolerate = _parse_tolerance(findings, given["tolerate"], (*at, "tolerate")) if "tolerate" in given else ""
    stops = reader.choice("on_error", "continue" if tolerate else "stop", ("stop", "continue")) == "stop"
    if tolerate and stops:
        message = f"`{_dotted(at)}` tolerates failures, and stops at the first one"
        findings.add("INVALID_SETTING", message, "Keep one of them: `tolerate`, or `on_error: stop`.", at=at)
    return LoopPolicy(
        concurrency=reader.number("concurrency", 1, 1, MAX_CONCURRENCY),
        stops_on_error=stops,
        until=_parse_until(findings, given["until"], (*at, "until")) if "until" in given else "",
        tolerate=tolerate,
        batch=reader.number("batch", 0, 1, MAX_BATCH),
    )


def _parse_tolerance(findings: Findings, value: Any, at: Path) -> str:
    """A number of elements, or a share of them."""
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if _TOLERANCE.fullmatch(text) and not (text.endswith("%") and int(text[:-1]) > 100):
        return text
    message = f"`{_dotted(at)}` must be a number of elements, or a share of them up to 100%"
    findings.add("INVALID_SETTING", message, 'tolerate: 5, or tolerate: "10%"', at=at)
    return ""


def _parse_credentials(findings: Findings, value: Any, at: Path) -> dict[str, str]:
    if isinstance(value, Mapping) and all(isinstance(name, str) for pair in value.items() for name in pair):
        return dict(value)
    message = f"`{_dotted(at)}` must be a mapping from the contract's keys to the names of your credentials"
    findings.add("INVALID_SETTING", message, "credentials: {telegram_bot_token: my_bot}", at=at)
    return {}


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
