"""Compares a run with what its test expects. Values are compared as JSON: true is not 1, but 1.0 is 1."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from acr.testing.model import ABSENT, UNDO, UNDONE_NONE, Expectation
from arcrun.engine.record import NodeRecord, RunRecord


@dataclass(frozen=True)
class Difference:
    """A place where the run is not as expected, such as `data.items[0].name`. ABSENT stands for nothing there."""

    path: str
    expected: Any
    got: Any

    def to_json(self) -> dict[str, Any]:
        told = {"expected": self.expected, "got": self.got}
        return {"path": self.path, **{key: value for key, value in told.items() if value is not ABSENT}}


def compare_run(
    expected: Expectation, record: RunRecord, calls: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[Difference]:
    """All differences. `calls` are the inputs of the stubbed nodes' calls, by path."""
    return [
        *_compare_end(expected, record),
        *_compare_undone(expected, record),
        *_compare_response(expected, record),
        *_compare_statuses(expected.nodes, _find_statuses(record)),
        *_compare_calls(expected.calls, calls),
    ]


def _find_statuses(record: RunRecord) -> dict[str, str]:
    undos = [replace(entry, node=f"{entry.node}.{UNDO}") for entry in record.undos]
    return dict(flatten_statuses((*record.trace, *undos)))


def flatten_statuses(trace: Iterable[NodeRecord], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each node's path and status, those of sub-workflows after the nodes that call them."""
    for entry in trace:
        yield f"{prefix}{entry.node}", entry.status.value
        yield from flatten_statuses(entry.subflow or (), f"{prefix}{entry.node}.")


def compare_values(expected: Any, got: Any, path: str, *, is_part: bool = False) -> Iterator[Difference]:
    """The differences of two JSON values. If `is_part`, objects may have more fields than expected."""
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        for key in expected:
            inner = _join(path, key)
            if key in got:
                yield from compare_values(expected[key], got[key], inner, is_part=is_part)
            else:
                yield Difference(inner, expected[key], ABSENT)
        if not is_part:
            yield from (Difference(_join(path, key), ABSENT, got[key]) for key in got if key not in expected)
    elif isinstance(expected, list) and isinstance(got, list):
        for i in range(max(len(expected), len(got))):
            inner = f"{path}[{i}]"
            if i >= len(got):
                yield Difference(inner, expected[i], ABSENT)
            elif i >= len(expected):
                yield Difference(inner, ABSENT, got[i])
            else:
                yield from compare_values(expected[i], got[i], inner, is_part=is_part)
    elif expected != got or isinstance(expected, bool) != isinstance(got, bool):
        yield Difference(path, expected, got)


def _compare_end(expected: Expectation, record: RunRecord) -> Iterator[Difference]:
    error = record.error
    if expected.error is None and error is not None:
        yield Difference("status", "success", "failed")
        yield Difference("error", ABSENT, _describe_error(record))
    elif expected.error is not None and error is None:
        yield Difference("status", "failed", "success")
        yield Difference("data", ABSENT, record.data)
    elif expected.error is not None:
        got = {key: value for key, value in _describe_error(record).items() if key in expected.error}
        yield from compare_values(expected.error, got, "error")
    elif expected.data is not ABSENT:
        yield from compare_values(expected.data, record.data, "data")
    elif expected.data_includes is not ABSENT:
        yield from compare_values(expected.data_includes, record.data, "data", is_part=True)


def _compare_undone(expected: Expectation, record: RunRecord) -> Iterator[Difference]:
    got = record.undone or UNDONE_NONE
    if expected.undone not in ("", got):
        yield Difference("undone", expected.undone, got)


def _compare_response(expected: Expectation, record: RunRecord) -> Iterator[Difference]:
    if expected.response is None:
        return
    got = {} if record.response is None else record.response.to_json()
    for key, value in expected.response.items():
        if key not in got:
            yield Difference(f"response.{key}", value, ABSENT)
        else:
            yield from compare_values(value, got[key], f"response.{key}", is_part=key == "headers")


def _describe_error(record: RunRecord) -> dict[str, Any]:
    assert record.error is not None
    node = record.error.details.get("node")
    return {"code": record.error.code, **({"node": node} if node else {}), "message": record.error.message}


def _compare_statuses(expected: Mapping[str, str], got: Mapping[str, str]) -> Iterator[Difference]:
    """A node of a sub-workflow that was not called was skipped."""
    for path, status in expected.items():
        found = got.get(path, "skipped")
        if found != status:
            yield Difference(f"nodes.{path}", status, found)


def _compare_calls(
    expected: Mapping[str, "int | tuple[Any, ...]"], got: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Iterator[Difference]:
    for path, wanted in expected.items():
        made = got.get(path, ())
        if not isinstance(wanted, int):
            yield from compare_values(list(wanted), list(made), f"calls.{path}", is_part=True)
        elif wanted != len(made):
            yield Difference(f"calls.{path}", wanted, len(made))


def _join(path: str, key: str) -> str:
    return f"{path}.{key}"
