"""A test file, parsed: its workflow, and its tests with what they stub and expect."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFAULT_NOW_MS = 1_767_225_600_000.0  # 2026-01-01T00:00:00Z
ABSENT: Any = object()  # in place of a value that the file does not name, as null is a value
UNDO = "undo"  # of a node, behind its path
UNDONE_NONE = "none"  # nothing was to be undone
UNDONE = ("complete", "partial", UNDONE_NONE)


@dataclass(frozen=True)
class StubbedAnswer:
    """What a stubbed call answers: `data`; or `error`, which has at least a `code` and a `message`."""

    data: Any = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Stub:
    """The answers of a stubbed node: one for all its calls, or if `is_list` one for each call, in their order."""

    answers: tuple[StubbedAnswer, ...]
    is_list: bool = False


@dataclass(frozen=True)
class Expectation:
    """What a run must be like; `error` is None if it must succeed. Of the error, only the fields named are compared.
    `undone` is one of UNDONE, empty for any.

    `nodes` are statuses by the node's path. `calls` are by the path of a stubbed node: the number of calls, or a part
    of the input of each. `response` is what the webhook must answer, in the form of the workflow's `response`; only
    what it names is compared, and of the headers only those. `store` is what the workflow's store has at the end, value
    by key, None for anything; `shared` are other stores by name.
    """

    data: Any = ABSENT
    data_includes: Any = ABSENT
    error: Mapping[str, Any] | None = None
    undone: str = ""
    nodes: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, "int | tuple[Any, ...]"] = field(default_factory=dict)
    response: Mapping[str, Any] | None = None
    store: Mapping[str, Any] | None = None
    shared: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class WorkflowTest:
    """One test. `stubs` are by the node's path: its name, or `NODE.NAME` for a node of the workflow that NODE calls.

    `credentials` are placeholders by name; None stands for a credential that is not stored. `now_ms` is when the run
    starts, in milliseconds since 1970; `seed` determines all randomness. `line` is the test's in its file. `request`
    has the fields of `request` that are not those of a POST of the input. `store` is what the workflow's store begins
    with, value by key; `shared` are those with a name.
    """

    name: str
    input: Any
    stubs: Mapping[str, Stub]
    credentials: Mapping[str, str | None]
    expect: Expectation
    now_ms: float
    seed: int
    line: int | None
    request: Mapping[str, Any] = field(default_factory=dict)
    store: Mapping[str, Any] = field(default_factory=dict)
    shared: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class TestFile:
    """`workflow` is the path of the workflow's file."""

    __test__ = False  # for pytest

    path: Path
    workflow: Path
    tests: tuple[WorkflowTest, ...]
