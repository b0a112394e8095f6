"""Test file (YAML) -> TestFile. Anything that is not in the format is refused, with its line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Never

from acr.errors import CliError
from acr.testing.model import (
    ABSENT,
    DEFAULT_NOW_MS,
    UNDONE,
    UNDONE_NONE,
    Expectation,
    Stub,
    StubbedAnswer,
    TestFile,
    WorkflowTest,
)
from acr.workflows.found_files import find_workflow_of
from arcrun.engine.record import NodeStatus
from arcrun.errors import HostFunctionError
from arcrun.limits import MAX_TEST_FILE_CHARACTERS, MAX_TEST_NAME_CHARACTERS, MAX_TESTS_A_FILE
from arcrun.store.operations import Kind, read_operation
from arcrun.store.protocol import scope_of_shared
from arcrun.templates.hints import suggest_nearest
from arcrun.workflows.diagnostics import Path as Place
from arcrun.workflows.diagnostics import Positions
from arcrun.workflows.responses.model import KINDS
from arcrun.workflows.triggers.model import METHODS
from arcrun.yaml_text import YamlTextError, parse_yaml

FILE_KEYS = ("workflow", "now", "seed", "tests")
TEST_KEYS = ("name", "input", "request", "stubs", "store", "shared_stores", "credentials", "now", "seed", "expect")
REQUEST_KEYS = ("method", "path", "query", "headers", "content_type", "text", "ip")
STUB_KEYS = ("data", "error")
EXPECT_KEYS = (
    "status",
    "data",
    "data_includes",
    "error",
    "undone",
    "nodes",
    "calls",
    "response",
    "store",
    "shared_stores",
)
RESPONSE_KEYS = ("status", "headers", *KINDS)
ERROR_KEYS = ("code", "node", "message")
STATUSES = ("success", "failed")


def parse_test_file(path: Path, text: str) -> TestFile:
    """Parse a test file. Raises CliError INVALID_TEST with the line."""
    if len(text) > MAX_TEST_FILE_CHARACTERS:
        raise CliError(f"{path} is longer than {MAX_TEST_FILE_CHARACTERS} characters.", "Split it.", "INVALID_TEST")
    try:
        parsed = parse_yaml(text)
    except YamlTextError as error:
        place = f"{path}:{error.line}:{error.column}" if error.line else f"{path}"
        raise CliError(f"{place}: it is not YAML: {error.problem}.", _HINT, "INVALID_TEST") from None
    return _Parser(path, Positions(parsed.root)).parse(parsed.value)


_HINT = "The format of tests: docs/testing.md, or write one from a run: acr logs RUN --as-test"


@dataclass(frozen=True)
class _Parser:
    path: Path
    positions: Positions

    def parse(self, source: Any) -> TestFile:
        source = self._mapping(source, (), FILE_KEYS, "The file")
        tests = source.get("tests")
        if not isinstance(tests, list) or not tests:
            self._refuse(("tests",), "`tests` must be a list of one or more tests")
        if len(tests) > MAX_TESTS_A_FILE:
            self._refuse(("tests",), f"it has {len(tests)} tests; the limit is {MAX_TESTS_A_FILE}")
        now_ms = self._moment(source, ("now",), DEFAULT_NOW_MS)
        seed = self._seed(source, ("seed",), 0)
        parsed: dict[str, WorkflowTest] = {}
        for i, test in enumerate(tests):
            one = self._test(test, ("tests", i), now_ms, seed)
            if one.name in parsed:
                self._refuse(("tests", i, "name"), f"two tests have the name `{one.name}`")
            parsed[one.name] = one
        return TestFile(self.path, self._workflow(source), tuple(parsed.values()))

    def _workflow(self, source: Mapping[str, Any]) -> Path:
        """The workflow's file: the one named, or else `greet.yaml` or `greet.yml` of `greet.test.yaml`."""
        if "workflow" not in source:
            return find_workflow_of(self.path)
        named = source["workflow"]
        if not isinstance(named, str) or not named:
            self._refuse(("workflow",), "`workflow` must be the path of a workflow's file, beside this one")
        return self.path.parent / named

    def _test(self, source: Any, at: Place, now_ms: float, seed: int) -> WorkflowTest:
        source = self._mapping(source, at, TEST_KEYS, "A test")
        name = source.get("name")
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_TEST_NAME_CHARACTERS:
            self._refuse((*at, "name"), f"a test needs a `name` of up to {MAX_TEST_NAME_CHARACTERS} characters")
        stubs = self._mapping(source.get("stubs", {}), (*at, "stubs"), None, "`stubs`")
        return WorkflowTest(
            name=name,
            input=source.get("input", {}),
            request=self._request(source.get("request", {}), (*at, "request")),
            stubs={node: self._stub(stub, (*at, "stubs", node)) for node, stub in stubs.items()},
            credentials=self._credentials(source, (*at, "credentials")),
            expect=self._expectation(source.get("expect", ABSENT), (*at, "expect")),
            now_ms=self._moment(source, (*at, "now"), now_ms),
            seed=self._seed(source, (*at, "seed"), seed),
            line=self.positions.find(at)[0],
            store=self._store(source.get("store", {}), (*at, "store")),
            shared=self._shared_stores(source, (*at, "shared_stores")),
        )

    def _request(self, source: Any, at: Place) -> Mapping[str, Any]:
        """The fields as templates see them: `query_all` too, and headers in lower case."""
        request = {**self._mapping(source, at, REQUEST_KEYS, "`request`")}
        if request.get("method", "POST") not in METHODS:
            self._refuse((*at, "method"), f"`method` must be {', '.join(METHODS)}")
        if not str(request.get("path", "/")).startswith("/"):
            self._refuse((*at, "path"), "`path` must begin with a slash: it is what follows /trigger")
        for key in ("path", "content_type", "text", "ip"):
            if not isinstance(request.get(key, ""), str):
                self._refuse((*at, key), f"`{key}` must be a string")
        for key in ("query", "headers"):
            for name, value in self._mapping(request.get(key, {}), (*at, key), None, f"`{key}`").items():
                values = value if isinstance(value, list) and value and key == "query" else [value]
                if not all(isinstance(each, str) for each in values):
                    self._refuse((*at, key, name), f"`{key}` has strings" + (", or lists of them" * (key == "query")))
        if "headers" in request:
            request["headers"] = {name.lower(): value for name, value in request["headers"].items()}
        if "query" in request:
            listed = {name: value if isinstance(value, list) else [value] for name, value in request["query"].items()}
            request |= {"query_all": listed, "query": {name: values[0] for name, values in listed.items()}}
        return request

    def _stub(self, source: Any, at: Place) -> Stub:
        if isinstance(source, list):
            return Stub(tuple(self._answer(item, (*at, i)) for i, item in enumerate(source)), is_list=True)
        return Stub((self._answer(source, at),))

    def _answer(self, source: Any, at: Place) -> StubbedAnswer:
        source = self._mapping(source, at, STUB_KEYS, "A stub")
        if len(source) != 1:
            self._refuse(at, "a stub is {data: ...} or {error: {code: ...}}, or a list of these, one for each call")
        if "data" in source:
            return StubbedAnswer(source["data"])
        error = self._mapping(source["error"], (*at, "error"), None, "`error`")
        code, message = error.get("code"), error.get("message", "The stub's error.")
        if not isinstance(code, str) or not code or not isinstance(message, str):
            self._refuse((*at, "error"), "a stub's error has a `code` and may have a `message`, both strings")
        return StubbedAnswer(error={"code": code, "message": message, **error})

    def _credentials(self, source: Mapping[str, Any], at: Place) -> Mapping[str, str | None]:
        found = self._mapping(source.get("credentials", {}), at, None, "`credentials`")
        for name, value in found.items():
            if not isinstance(value, str | None) or value == "":
                self._refuse((*at, name), "a credential is a placeholder (a string), or null if it is not stored")
        return found

    def _expectation(self, source: Any, at: Place) -> Expectation:
        if source is ABSENT:
            self._refuse(at, "a test needs `expect`, such as expect: {status: success}")
        source = self._mapping(source, at, EXPECT_KEYS, "`expect`")
        if not source:
            self._refuse(at, "`expect` is empty: name what the run must answer, such as data: {...}")
        undone = source.get("undone", "")
        if "undone" in source and undone not in UNDONE:
            self._refuse((*at, "undone"), f"`undone` must be {', '.join(UNDONE[:-1])} or {UNDONE[-1]}")
        has_failed = "error" in source or (
            undone not in ("", UNDONE_NONE) and not {"data", "data_includes"} & {*source}
        )
        status = source.get("status", "failed" if has_failed else "success")
        if status not in STATUSES:
            self._refuse((*at, "status"), f"`status` must be {' or '.join(STATUSES)}")
        if status == "success" and "error" in source:
            self._refuse((*at, "error"), "a run that succeeds has no error")
        for key in ("data", "data_includes"):
            if status == "failed" and key in source:
                self._refuse((*at, key), f"a run that fails has no data, so `{key}` cannot be expected")
        if "data" in source and "data_includes" in source:
            self._refuse((*at, "data_includes"), "`data` is the whole answer: leave out one of both")
        error = self._mapping(source.get("error", {}), (*at, "error"), ERROR_KEYS, "`error`")
        return Expectation(
            data=source.get("data", ABSENT),
            data_includes=source.get("data_includes", ABSENT),
            error=error if status == "failed" else None,
            undone=undone,
            nodes=self._statuses(source, (*at, "nodes")),
            calls=self._calls(source, (*at, "calls")),
            response=self._response(source["response"], (*at, "response")) if "response" in source else None,
            store=self._store(source["store"], (*at, "store")) if "store" in source else None,
            shared=self._shared_stores(source, (*at, "shared_stores")),
        )

    def _response(self, source: Any, at: Place) -> Mapping[str, Any]:
        response = {**self._mapping(source, at, RESPONSE_KEYS, "`response`")}
        if "headers" in response:
            headers = self._mapping(response["headers"], (*at, "headers"), None, "`headers`")
            response["headers"] = {name.lower(): value for name, value in headers.items()}
        return response

    def _shared_stores(self, source: Mapping[str, Any], at: Place) -> Mapping[str, Mapping[str, Any]]:
        stores = self._mapping(source.get("shared_stores", {}), at, None, "`shared_stores`")
        for name in stores:
            self._require_storable((*at, name), partial(scope_of_shared, name))
        return {name: self._store(values, (*at, name)) for name, values in stores.items()}

    def _store(self, source: Any, at: Place) -> Mapping[str, Any]:
        """Values by key, such as a real store takes."""
        values = self._mapping(source, at, None, "A store")
        for key, value in values.items():
            put = {"op": Kind.PUT, "key": key, "value": value}
            self._require_storable((*at, key), partial(read_operation, put))
        return values

    def _require_storable(self, at: Place, check: Callable[[], object]) -> None:
        try:
            check()
        except HostFunctionError as error:
            self._refuse(at, error.message.rstrip("."))

    def _statuses(self, source: Mapping[str, Any], at: Place) -> Mapping[str, str]:
        found = self._mapping(source.get("nodes", {}), at, None, "`nodes`")
        for node, status in found.items():
            if status not in tuple(NodeStatus):
                self._refuse((*at, node), f"a node's status is {', '.join(NodeStatus)}")
        return found

    def _calls(self, source: Mapping[str, Any], at: Place) -> Mapping[str, int | tuple[Any, ...]]:
        """A mapping is the input of the only call."""
        found = self._mapping(source.get("calls", {}), at, None, "`calls`")
        calls: dict[str, int | tuple[Any, ...]] = {}
        for node, wanted in found.items():
            if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted >= 0:
                calls[node] = wanted
            elif isinstance(wanted, Mapping):
                calls[node] = (wanted,)
            elif isinstance(wanted, list):
                calls[node] = tuple(wanted)
            else:
                self._refuse((*at, node), "a node's calls are a number, an input, or a list of inputs")
        return calls

    def _moment(self, source: Mapping[str, Any], at: Place, default_ms: float) -> float:
        text = source.get("now")
        if text is None:
            return default_ms
        try:
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
        except (TypeError, ValueError, OverflowError):
            self._refuse(at, "`now` must be an ISO 8601 time, such as 2026-01-31T09:00:00Z")

    def _seed(self, source: Mapping[str, Any], at: Place, default: int) -> int:
        seed = source.get("seed", default)
        if not isinstance(seed, int) or isinstance(seed, bool):
            self._refuse(at, "`seed` must be an integer")
        return seed

    def _mapping(self, source: Any, at: Place, allowed: Sequence[str] | None, what: str) -> Mapping[str, Any]:
        """`source`, if it is a mapping with only the `allowed` keys."""
        if not isinstance(source, Mapping):
            self._refuse(at, f"{what} must be a mapping" + (f" of {', '.join(allowed)}" if allowed else ""))
        for key in source:
            if allowed is not None and key not in allowed:
                near = suggest_nearest(key, allowed, f"Allowed: {', '.join(allowed)}.")
                self._refuse((*at, key), f"{what} has the unknown key `{key}`", near)
        return source

    def _refuse(self, at: Place, problem: str, hint: str = _HINT) -> Never:
        line, column = self.positions.find(at)
        place = f"{self.path}:{line}:{column}" if line else f"{self.path}"
        raise CliError(f"{place}: {problem}.", hint, "INVALID_TEST")
