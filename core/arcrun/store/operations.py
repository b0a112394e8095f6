"""The operations on an entry of a store, read from a request and applied to what is stored. They are pure: the object
that keeps the entries (executor/store/tables.py) makes each of them one transaction.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from arcrun.errors import HostFunctionError
from arcrun.json_size import size_of
from arcrun.limits import MAX_STORE_KEY_BYTES, MAX_STORE_PAGE, MAX_STORE_TTL_MS, MAX_STORE_VALUE_BYTES
from arcrun.times import read_duration_ms


class Kind(StrEnum):
    GET = "get"
    PUT = "put"
    DELETE = "delete"
    LIST = "list"
    INCREMENT = "increment"
    ADD_ONCE = "add_once"
    COMPARE_AND_SET = "compare_and_set"

    @property
    def changes(self) -> bool:
        return self not in (Kind.GET, Kind.LIST)


_FIELDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.GET: ("key",),
    Kind.PUT: ("key", "value", "ttl"),
    Kind.DELETE: ("key",),
    Kind.LIST: ("prefix", "limit", "cursor"),
    Kind.INCREMENT: ("key", "by", "ttl"),
    Kind.ADD_ONCE: ("key", "ttl"),
    Kind.COMPARE_AND_SET: ("key", "expected", "value", "ttl"),
}
MAX_EXACT = 2**53 - 1  # the largest integer that every reader of JSON reads exactly


@dataclass(frozen=True)
class Entry:
    """`expires_ms` is None for never."""

    value: Any
    expires_ms: float | None = None

    def has_expired(self, now_ms: float) -> bool:
        return self.expires_ms is not None and self.expires_ms <= now_ms


@dataclass(frozen=True)
class Applied:
    """What an operation answers, and what is stored after it: None for nothing. `is_changed` is whether that differs
    from what was.
    """

    answer: Mapping[str, Any]
    entry: Entry | None
    is_changed: bool


def read_operation(request: Mapping[str, Any]) -> tuple[Kind, Mapping[str, Any]]:
    """The kind of {"op", and its fields}, and the fields. Raises HostFunctionError INVALID_REQUEST, STORE_KEY_TOO_LONG,
    STORE_VALUE_TOO_LARGE.
    """
    if request.get("op") not in (*Kind,):
        raise _invalid(f"`op` must be one of {', '.join(Kind)}")
    kind = Kind(request["op"])
    given = {name: value for name, value in request.items() if name != "op"}
    if unknown := given.keys() - {*_FIELDS[kind]}:
        raise _invalid(f"`{kind}` takes {', '.join(_FIELDS[kind])}, not {min(unknown)}")
    if kind is Kind.LIST:
        _check_list(given)
        return kind, given
    _check_key(given.get("key"), may_be_new=kind not in (Kind.GET, Kind.DELETE))
    if kind in (Kind.PUT, Kind.COMPARE_AND_SET):
        if "value" not in given:
            raise _invalid("`value` is missing")
        check_value(given["value"])
    by = given.get("by", 1)
    if not _is_number(by):
        raise _invalid("`by` must be a number")
    if given.get("ttl") is not None and not 0 < _read_ttl_ms(given["ttl"]) <= MAX_STORE_TTL_MS:
        raise _invalid(f"`ttl` must be a duration, such as 30d, of at most {MAX_STORE_TTL_MS // 86_400_000} days")
    return kind, given


def apply(kind: Kind, given: Mapping[str, Any], entry: Entry | None, now_ms: float) -> Applied:
    """Apply an operation to the entry of its key. `given` is as read_operation returns it. Raises HostFunctionError
    NOT_A_NUMBER.
    """
    if entry is not None and entry.has_expired(now_ms):
        entry = None
    found = entry is not None
    value = entry.value if entry is not None else None
    ttl = given.get("ttl")
    expires_ms = None if ttl is None else math.ceil(now_ms + _read_ttl_ms(ttl))
    if kind is Kind.GET:
        return Applied({"found": found, "value": value}, entry, is_changed=False)
    if kind is Kind.PUT:
        return Applied({"was_there": found}, Entry(given["value"], expires_ms), is_changed=True)
    if kind is Kind.DELETE:
        return Applied({"was_there": found}, None, is_changed=found)
    if kind is Kind.ADD_ONCE:
        return Applied({"is_new": not found}, entry or Entry(True, expires_ms), is_changed=not found)
    if kind is Kind.INCREMENT:
        total = _add(value if found else 0, given.get("by", 1))
        kept_ms = expires_ms if ttl is not None else entry.expires_ms if entry is not None else None
        return Applied({"value": total}, Entry(total, kept_ms), is_changed=True)
    is_as_expected = not found if "expected" not in given else found and _equals(value, given["expected"])
    if not is_as_expected:
        return Applied({"is_set": False, "found": found, "value": value}, entry, is_changed=False)
    return Applied(
        {"is_set": True, "found": True, "value": given["value"]}, Entry(given["value"], expires_ms), is_changed=True
    )


def check_value(value: Any) -> None:
    """Raises HostFunctionError STORE_VALUE_TOO_LARGE."""
    if size_of(value, MAX_STORE_VALUE_BYTES).bytes > MAX_STORE_VALUE_BYTES:
        raise HostFunctionError(
            f"A value of a store has at most {MAX_STORE_VALUE_BYTES >> 10} KiB of JSON.",
            code="STORE_VALUE_TOO_LARGE",
            next_actions=["Keep what is large where it is, and store where that can be fetched."],
        )


def _check_key(key: Any, *, may_be_new: bool) -> None:
    """An older release has stored keys with half of a surrogate pair, which can still be read and deleted."""
    if not isinstance(key, str) or not key:
        raise _invalid("`key` must be a text that is not empty")
    if may_be_new and not _is_unicode(key):
        raise _invalid("`key` has half of a surrogate pair, which is no character")
    if len(key.encode("utf-8", "surrogatepass")) > MAX_STORE_KEY_BYTES:
        raise HostFunctionError(
            f"A key of a store has at most {MAX_STORE_KEY_BYTES} bytes.",
            code="STORE_KEY_TOO_LONG",
            next_actions=["Use a hash of it."],
        )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_list(given: Mapping[str, Any]) -> None:
    limit = given.get("limit", MAX_STORE_PAGE)
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_STORE_PAGE:
        raise _invalid(f"`limit` must be an integer from 1 to {MAX_STORE_PAGE}")
    for name in ("prefix", "cursor"):
        if not isinstance(given.get(name, ""), str):
            raise _invalid(f"`{name}` must be a text")


def _add(value: Any, by: float) -> float:
    if not _is_number(value):
        raise HostFunctionError(
            "The stored value is not a number.",
            code="NOT_A_NUMBER",
            next_actions=["Put a number under this key first, or use another key."],
        )
    total: float = value + by
    if not math.isfinite(total) or abs(total) > MAX_EXACT:
        raise HostFunctionError("The sum is beyond the numbers that are exact (2^53 - 1).", code="NOT_A_NUMBER")
    return total


def _equals(one: Any, other: Any) -> bool:
    """JSON's equality: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equals(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equals, one, other))
    return (type(one) is type(other) or (_is_number(one) and _is_number(other))) and bool(one == other)


def _read_ttl_ms(ttl: Any) -> float:
    """0 for what is no duration."""
    return (read_duration_ms(ttl) or 0) if isinstance(ttl, str) else 0


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def invalid_cursor() -> HostFunctionError:
    """A list's cursor that no list of the store has answered."""
    return _invalid("`cursor` is none that a list of this store has answered; leave it out to begin")


def render_end(expires_ms: float | None) -> int | None:
    """The time at which an entry expires, in whole milliseconds."""
    return None if expires_ms is None else math.ceil(expires_ms)


def _invalid(message: str) -> HostFunctionError:
    return HostFunctionError(f"{message}.", code="INVALID_REQUEST")
