"""What a durable run does for a node of `wait`, `wait_for` or `approve`: it does not call the component, it waits."""

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from arcrun.durable.entries import Entry, read_error, render_error
from arcrun.errors import ArcrunError, InputError, RunError
from arcrun.limits import MAX_WAIT_MS
from arcrun.templates.run import DEFAULT_APPROVERS
from arcrun.times import read_duration_ms, read_moment

if TYPE_CHECKING:
    from arcrun.durable.journal import Journal

WAIT, WAIT_FOR, APPROVE = "wait", "wait_for", "approve"

DEFAULT_CHOICES = ("approve", "reject")
_TYPE_DIGITS = 40


@dataclass(frozen=True)
class Waiting:
    """A node that waits, and the input of its component. `step` names the attempt, `unit` the node in its iteration.
    `read_moment` is what date_ops makes of a time in a zone: milliseconds since 1970. It raises ArcrunError.
    """

    journal: "Journal"
    node: str
    step: str
    unit: str
    given: Mapping[str, Any]
    read_moment: Callable[[str, str], Awaitable[float]]


Wait = Callable[[Waiting], Awaitable[dict[str, Any]]]


def type_of_event(name: str) -> str:
    """The platform's type of an event that workflows name."""
    return f"event-{name}"


def type_of_decision(unit: str) -> str:
    """That of the decision that a node waits for, in one iteration."""
    return f"decision-{hashlib.sha256(unit.encode()).hexdigest()[:_TYPE_DIGITS]}"


async def let_pass(waiting: Waiting) -> dict[str, Any]:
    """{"waited_ms"}. Raises InputError."""
    given, now_ms = waiting.given, waiting.journal.now_ms()
    if "zone" in given:
        wait_ms = await _find_wait_in_zone_ms(waiting, now_ms)
    else:
        wait_ms = find_wait_ms(given, now_ms, waiting.node)
    await waiting.journal.sleep(waiting.step, wait_ms)
    return {"waited_ms": math.ceil(wait_ms)}


async def wait_for_event(waiting: Waiting) -> dict[str, Any]:
    """{"id", "payload", "received_at"}. Raises InputError, RunError WAIT_TIMED_OUT."""
    entry = await _receive(waiting, type_of_event(waiting.given["event"]))
    return {name: entry[name] for name in ("id", "payload", "received_at")}


async def ask_people(waiting: Waiting) -> dict[str, Any]:
    """{"choice", "approver", "comment", "decided_at"}. Raises InputError, RunError WAIT_TIMED_OUT, UpstreamError."""
    journal, given, event_type = waiting.journal, waiting.given, type_of_decision(waiting.unit)
    _check_question(waiting.node, given)
    question = {
        "node": waiting.unit,
        "title": given["title"],
        "text": given.get("text", ""),
        "choices": given.get("choices", DEFAULT_CHOICES),
        "approvers": given.get("approvers", DEFAULT_APPROVERS),
    }

    async def ask() -> Entry:
        try:
            await journal.inbox.ask(event_type, question)
        except ArcrunError as error:
            return {"error": render_error(error)}
        return {}

    asked = await journal.record(f"{waiting.step} asks", ask)
    if "error" in asked:
        raise read_error(asked["error"])
    try:
        entry = await _receive(waiting, event_type)
    except (asyncio.CancelledError, ArcrunError):
        journal.leave_behind(journal.inbox.withdraw(event_type))
        raise
    decision: Mapping[str, Any] = entry["payload"]
    return {**decision, "decided_at": entry["received_at"]}


def _check_question(node: str, given: Mapping[str, Any]) -> None:
    """Raises InputError for what people could not read or choose."""
    if not given["title"].strip():
        raise _build_error(node, "title", "a text that says what is to be decided", given["title"])
    choices = given.get("choices", DEFAULT_CHOICES)
    if len({*choices}) < len(choices) or any(not _is_line(choice) for choice in choices):
        raise _build_error(node, "choices", "different texts of one line each", choices)
    if any(not _is_line(approver) for approver in given.get("approvers", ())):
        raise _build_error(node, "approvers", "names of one line each", given["approvers"])


def _is_line(text: str) -> bool:
    return bool(text.strip()) and text.strip() == text and text.isprintable()


WAITS: Mapping[str, Wait] = {WAIT: let_pass, WAIT_FOR: wait_for_event, APPROVE: ask_people}


async def _receive(waiting: Waiting, event_type: str) -> Entry:
    timeout = waiting.given.get("timeout")
    timeout_ms = MAX_WAIT_MS if timeout is None else _read_duration("timeout", timeout, waiting.node)
    journal, step = waiting.journal, waiting.step
    try:
        return await journal.within(f"{step} timeout", timeout_ms, journal.receive(step, event_type))
    except TimeoutError:
        raise RunError(
            f"`{waiting.node}` has waited for {timeout or '365d'}, and nothing has come.",
            code="WAIT_TIMED_OUT",
            next_actions=[f"To go on without: {waiting.node} >> ON_FAIL >> ..."],
        ) from None


async def _find_wait_in_zone_ms(waiting: Waiting, now_ms: float) -> float:
    """Until a time on the clocks of a zone. When that is, is a step: zones change. Raises InputError, ComponentError,
    UpstreamError.
    """
    node, until, zone = waiting.node, waiting.given.get("until", ""), waiting.given["zone"]
    if not until or _has_offset(until, node):
        raise _build_error(node, "zone", "beside an `until` without an offset, such as 2026-12-24 18:00", until or None)

    async def read() -> Entry:
        try:
            return {"due_ms": await waiting.read_moment(until, zone)}
        except ArcrunError as error:
            return {"error": render_error(error)}

    found = await waiting.journal.record(f"{waiting.step} until", read)
    if "error" in found:
        raise read_error(found["error"])
    return _require_possible(max(0.0, found["due_ms"] - now_ms), node, "until", until)


def find_wait_ms(given: Mapping[str, Any], now_ms: float, node: str) -> float:
    """Milliseconds, 0 for a time that is past. Raises InputError."""
    if "ms" in given:
        wait_ms = float(given["ms"])
    elif "for" in given:
        return _read_duration("for", given["for"], node)
    elif "until" in given:
        wait_ms = max(0.0, _read_moment_ms(given["until"], node) - now_ms)
    else:
        raise _build_error(node, "ms", "a number of milliseconds; or write `for`, or `until`", None)
    return _require_possible(wait_ms, node, next(iter(given)), next(iter(given.values())))


def _read_duration(field: str, text: str, node: str) -> float:
    duration_ms = read_duration_ms(text)
    if duration_ms is None:
        raise _build_error(node, field, "a whole number with ms, s, m, h, d or w, such as 2d", text)
    return _require_possible(float(duration_ms), node, field, text)


def _require_possible(wait_ms: float, node: str, field: str, got: Any) -> float:
    if wait_ms > MAX_WAIT_MS:
        raise _build_error(node, field, "at most 365 days", got)
    return wait_ms


def _read_moment_ms(text: str, node: str) -> float:
    """A time without an offset is in UTC."""
    moment = _parse_moment(text, node)
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    except OverflowError:
        raise _build_moment_error(text, node) from None


def _has_offset(text: str, node: str) -> bool:
    return _parse_moment(text, node).tzinfo is not None


def _parse_moment(text: str, node: str) -> datetime:
    moment = read_moment(text)
    if moment is None:
        raise _build_moment_error(text, node)
    return moment


def _build_moment_error(text: str, node: str) -> InputError:
    return _build_error(node, "until", "a time in ISO 8601, such as 2027-03-01T09:00:00+01:00", text)


def _build_error(node: str, field: str, expected: str, got: Any) -> InputError:
    said = "" if got is None else f", not {str(got)[:40]!r}"
    return InputError(
        f"`{field}` of `{node}` must be {expected}{said}.",
        next_actions=["Look at its inputs: acr parts list wait."],
        details={"field": field, "expected": expected},
    )
