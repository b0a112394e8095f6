"""What the operations on an entry of a store answer and leave, and which requests are refused."""

from typing import Any

import pytest

from arcrun.errors import HostFunctionError
from arcrun.limits import MAX_STORE_KEY_BYTES, MAX_STORE_PAGE, MAX_STORE_TTL_MS, MAX_STORE_VALUE_BYTES
from arcrun.store.operations import Entry, apply, read_operation

NOW_MS = 1_000.0


def ask(request: dict[str, Any], entry: Entry | None = None) -> tuple[Any, Entry | None, bool]:
    kind, given = read_operation({"key": "k", **request} if request["op"] != "list" else request)
    applied = apply(kind, given, entry, NOW_MS)
    return applied.answer, applied.entry, applied.is_changed


SEVEN, OLD = Entry(7, 5_000.0), Entry("old", NOW_MS)


@pytest.mark.parametrize(
    ("request_", "entry", "answer", "left"),
    [
        ({"op": "get"}, None, {"found": False, "value": None}, None),
        ({"op": "get"}, SEVEN, {"found": True, "value": 7}, SEVEN),
        ({"op": "get"}, Entry(None), {"found": True, "value": None}, Entry(None)),
        ({"op": "get"}, OLD, {"found": False, "value": None}, None),
        ({"op": "put", "value": [1]}, None, {"was_there": False}, Entry([1])),
        ({"op": "put", "value": None}, SEVEN, {"was_there": True}, Entry(None)),
        ({"op": "put", "value": 1, "ttl": "50ms"}, OLD, {"was_there": False}, Entry(1, 1_050.0)),
        ({"op": "delete"}, None, {"was_there": False}, None),
        ({"op": "delete"}, SEVEN, {"was_there": True}, None),
        ({"op": "add_once"}, None, {"is_new": True}, Entry(True)),
        ({"op": "add_once", "ttl": "9ms"}, None, {"is_new": True}, Entry(True, 1_009.0)),
        ({"op": "add_once", "ttl": "9ms"}, SEVEN, {"is_new": False}, SEVEN),
        ({"op": "add_once"}, OLD, {"is_new": True}, Entry(True)),
        ({"op": "increment"}, None, {"value": 1}, Entry(1)),
        ({"op": "increment", "by": -2}, SEVEN, {"value": 5}, Entry(5, 5_000.0)),
        ({"op": "increment", "by": 0.5, "ttl": "1ms"}, SEVEN, {"value": 7.5}, Entry(7.5, 1_001.0)),
        ({"op": "increment"}, OLD, {"value": 1}, Entry(1)),
        ({"op": "compare_and_set", "value": 1}, None, {"is_set": True, "found": True, "value": 1}, Entry(1)),
        ({"op": "compare_and_set", "value": 1}, SEVEN, {"is_set": False, "found": True, "value": 7}, SEVEN),
        (
            {"op": "compare_and_set", "value": 1, "expected": None},
            None,
            {"is_set": False, "found": False, "value": None},
            None,
        ),
        (
            {"op": "compare_and_set", "value": 1, "expected": 7.0},
            SEVEN,
            {"is_set": True, "found": True, "value": 1},
            Entry(1),
        ),
    ],
)
def test_an_operation(request_: dict[str, Any], entry: Entry | None, answer: Any, left: Entry | None) -> None:
    found, after, is_changed = ask(request_, entry)
    assert (found, after) == (answer, left)
    assert is_changed or after == entry or entry is OLD


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (True, 1, False),
        (1, 1.0, True),
        ({"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]}, True),
        ({"a": [True]}, {"a": [1]}, False),
        ([1, 2], [1], False),
        ("1", 1, False),
        (None, False, False),
    ],
)
def test_values_are_compared_as_json(one: Any, other: Any, equal: bool) -> None:
    assert ask({"op": "compare_and_set", "expected": other, "value": 0}, Entry(one))[0]["is_set"] is equal


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"op": "drop", "key": "k"}, "INVALID_REQUEST"),
        ({"key": "k"}, "INVALID_REQUEST"),
        ({"op": ["get"], "key": "k"}, "INVALID_REQUEST"),
        ({"op": "get"}, "INVALID_REQUEST"),
        ({"op": "get", "key": ""}, "INVALID_REQUEST"),
        ({"op": "get", "key": 1}, "INVALID_REQUEST"),
        ({"op": "put", "key": "\ud800", "value": 1}, "INVALID_REQUEST"),
        ({"op": "increment", "key": "a\udfff"}, "INVALID_REQUEST"),
        ({"op": "get", "key": "k", "value": 1}, "INVALID_REQUEST"),
        ({"op": "put", "key": "k"}, "INVALID_REQUEST"),
        ({"op": "increment", "key": "k", "by": "1"}, "INVALID_REQUEST"),
        ({"op": "increment", "key": "k", "by": True}, "INVALID_REQUEST"),
        ({"op": "put", "key": "k", "value": 1, "ttl": "0s"}, "INVALID_REQUEST"),
        ({"op": "put", "key": "k", "value": 1, "ttl": f"{MAX_STORE_TTL_MS + 1}ms"}, "INVALID_REQUEST"),
        ({"op": "put", "key": "k", "value": 1, "ttl": 5}, "INVALID_REQUEST"),
        ({"op": "put", "key": "k", "value": 1, "ttl": "soon"}, "INVALID_REQUEST"),
        ({"op": "list", "limit": MAX_STORE_PAGE + 1}, "INVALID_REQUEST"),
        ({"op": "list", "prefix": 1}, "INVALID_REQUEST"),
        ({"op": "get", "key": "é" * (MAX_STORE_KEY_BYTES // 2) + "a"}, "STORE_KEY_TOO_LONG"),
        ({"op": "put", "key": "k", "value": "x" * (MAX_STORE_VALUE_BYTES - 1)}, "STORE_VALUE_TOO_LARGE"),
    ],
)
def test_a_request_that_is_refused(request_: dict[str, Any], code: str) -> None:
    with pytest.raises(HostFunctionError) as refused:
        read_operation(request_)
    assert refused.value.code == code


@pytest.mark.parametrize(("value", "by"), [("7", 1), (True, 1), ([7], 1), (2**53 - 1, 1), (1e308, 1e308)])
def test_what_cannot_be_counted(value: Any, by: float) -> None:
    with pytest.raises(HostFunctionError) as refused:
        ask({"op": "increment", "by": by}, Entry(value))
    assert refused.value.code == "NOT_A_NUMBER"
