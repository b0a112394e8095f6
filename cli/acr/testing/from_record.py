"""Writes a test file from the record of a run: its input, stubs with the answers that are recorded, and its end.

A record may lack something that the test needs: comments at the head of the file say what.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acr.errors import CliError
from acr.output.terminal import escape_controls
from acr.testing.model import ABSENT, UNDO
from acr.workflows.components_at_hand import ComponentsAtHand
from acr.workflows.offline_check import check_offline
from acr.workflows.templates import find_credentials
from acr.workflows.workflow_file import read_workflow_file
from arcrun.errors import ComponentError
from arcrun.workflows.waiting import WAITING_COMPONENTS
from arcrun.yaml_text import YamlTextError, parse_yaml, render_yaml

SUBFLOW = "workflow:"  # what a trace has as the component of a node that calls a workflow, before its name
_LOST_IN_TIME = ("NODE_TIMEOUT", "RUN_TIMEOUT", "CANCELLED")  # in a test, time passes only with pauses
_UNKNOWN = "# What the record lacks:"
_NO_DATA = "So `expect` has no `data`: add it once the above is there."
_LOOK = (
    "Look it over before you commit it: the run could read credentials. What a component made of a secret, such as in"
)
_LOOK += " upper case, is not redacted."


@dataclass
class _Told:
    """What is read from a trace. `gaps` are sentences about what the record lacks; with `is_partial`, the test's run
    may compute other data than the recorded one, for want of an input or answers.
    """

    stubs: dict[str, Any] = field(default_factory=dict)
    credentials: dict[str, None] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    is_partial: bool = False
    runs: set[str] = field(default_factory=set)  # the graphs that the test runs: the paths of their nodes begin so
    undone: str = ""

    def lack(self, gap: str) -> None:
        """Note that an input or an answer is missing."""
        self.gaps.append(gap)
        self.is_partial = True


@dataclass(frozen=True)
class RecordedRun:
    """A run that has ended. `record` is as `GET /runs/{id}` answers it; `input` is ABSENT if it is not stored, for the
    reason `no_input`; `has_credentials` says whether its workflow, or one that it calls, may read a credential.
    """

    run_id: str
    record: Mapping[str, Any]
    input: Any = ABSENT
    no_input: str = ""
    has_credentials: bool = False


def write_test(
    run: RecordedRun, file: str | None, components: ComponentsAtHand, called: Sequence[str], *, stubs_all: bool = False
) -> str:
    """A test file as YAML. `file` is the workflow's, None if it is not at hand; `called` are the names of the workflows
    at hand, which are run; others are stubbed. With `stubs_all`, all nodes are stubbed that call a component.

    Raises CliError RUN_NOT_ENDED, TEST_NOT_WRITABLE.
    """
    record = run.record
    if "trace" not in record:
        raise CliError(
            f"The run {run.run_id} has no trace: it is {record['status']}.",
            f"Wait for its end: acr logs {run.run_id} --follow",
            "RUN_NOT_ENDED",
        )
    told = _Told()
    if file is None:
        told.gaps.append(f"No file here has the workflow `{record['workflow']}`: set `workflow` to its path.")
    if run.input is ABSENT:
        told.lack(f"The run's input: {run.no_input}")
    reader = _Reader(components, called, told, stubs_all)
    reader.read(record["trace"], "")
    if record["status"] == "success":
        told.gaps += [_describe_cancelled(path) for path, stub in told.stubs.items() if _is_cancelled(stub)]
    reader.read_undos(record)
    test: dict[str, Any] = {"name": f"run {run.run_id}", "input": {} if run.input is ABSENT else run.input}
    test |= {"stubs": told.stubs} if told.stubs else {}
    test |= {"credentials": told.credentials} if told.credentials else {}
    undone = {"undone": told.undone} if told.undone else {}
    test["expect"] = {**_read_end(record, told), **undone, "nodes": told.statuses}
    if "response" in record and not told.is_partial:
        test["expect"]["response"] = {"status": record["response"]["status"]}
    source = {"workflow": file or f"{record['workflow']}.yaml", "now": record["started_at"], "tests": [test]}
    head = (" ".join(line.split()) for line in _write_head(run, told.gaps))
    return "\n".join([*head, _write_body(source)]).rstrip("\n")


def may_read_credentials(name: str, beside: Mapping[str, Path], components: ComponentsAtHand) -> bool:
    """Whether the workflow `name`, or one that it calls, may read a credential; also if that cannot be told. `beside`
    are the files of the workflows at hand. Raises CliError.
    """
    waiting, seen = [name], set[str]()
    while waiting:
        if (each := waiting.pop()) in seen:
            continue
        seen.add(each)
        if each not in beside:
            return True
        check = check_offline(read_workflow_file(beside[each]), str(beside[each]), components)
        plan = check.compilation.plan
        if plan is None or check.unchecked or any(True for _ in find_credentials(plan, components)):
            return True
        waiting += check.calls
    return False


@dataclass(frozen=True)
class _Reader:
    components: ComponentsAtHand
    called: Sequence[str]
    told: _Told
    stubs_all: bool

    def read(self, trace: Sequence[Mapping[str, Any]], prefix: str) -> None:
        self.told.runs.add(prefix)
        for entry in trace:
            path = f"{prefix}{entry['node']}"
            self.told.statuses[path] = entry["status"]
            if entry["status"] != "skipped":
                self._read_call(path, entry)

    def _read_call(self, path: str, entry: Mapping[str, Any]) -> None:
        inner = entry.get("trace")
        is_at_hand = entry["component"].removeprefix(SUBFLOW) in self.called
        if isinstance(inner, list) and is_at_hand and _count_runs(entry) == 1:
            self.read(inner, f"{path}.")
        elif self._is_stubbed(entry):
            self._stub(path, entry)

    def read_undos(self, record: Mapping[str, Any]) -> None:
        """The undos that the test runs, and their outcome if these are all. In a test there is time for each."""
        outcome = record.get("undone", "")
        for entry in record.get("undos", ()):
            node = str(entry["node"])
            caller = node.rpartition(".")[0]
            if (f"{caller}." if caller else "") not in self.told.runs:
                self.told.gaps.append(
                    f"`{caller}` is stubbed, so that `{node}` is not undone: `undone` is not expected."
                )
                outcome = ""
                continue
            path = f"{node}.{UNDO}"
            self.told.statuses[path] = "failed" if entry["status"] == "skipped" else entry["status"]
            if _code_of(entry) == "CANCELLED":
                message = f"What `{path}` would have answered: there was no time for it. Replace its stub."
                self.told.gaps.append(message)
            self._read_call(path, entry)
        self.told.undone = outcome

    def _is_stubbed(self, entry: Mapping[str, Any]) -> bool:
        if self.stubs_all or "taken_over" in entry or _code_of(entry) in _LOST_IN_TIME:
            return True
        try:
            contract = self.components.find_contract(entry["component"])
        except (ComponentError, CliError):
            return True
        given = entry.get("input")
        reaches = contract is None or contract.can_reach(
            given if isinstance(given, Mapping) else {contract.hosts_key: 1}
        )
        return contract is None or reaches or contract.canonical_id in WAITING_COMPONENTS

    def _stub(self, path: str, entry: Mapping[str, Any]) -> None:
        if rounds := entry.get("rounds"):
            self.told.stubs[path] = [self._read_answer(path, each) for each in rounds["trace"]]
            if len(rounds["trace"]) < rounds["count"] or entry["attempts"] > rounds["count"]:
                message = f"`{path}` was called {entry['attempts']} times, and not all of its answers are recorded"
                self.told.lack(f"{message}: add the others to its list.")
        else:
            self.told.stubs[path] = self._read_answer(path, entry)
        if (ran := _count_runs(entry)) > 1:
            message = f"`{path}` ran {ran} times, in a loop, and one of its answers is recorded"
            self.told.lack(f"{message}: a list has one for each, [{{data: ...}}, {{data: ...}}].")

    def _read_answer(self, path: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        """What a call answered, as a stub has it."""
        error, output = entry.get("error"), entry.get("output")
        if error is not None:
            if _code_of(entry) == "CREDENTIAL_MISSING":
                self.told.credentials[str(error["details"].get("key", ""))] = None
            return {"error": self._read_error(path, error)}
        if _is_cut(output) or not isinstance(output, Mapping) or _is_cut(output.get("data")):
            self.told.lack(f"What `{path}` answered was too large to be recorded: replace its stub's data.")
            return {"data": None}
        return {"data": output.get("data")}

    def _read_error(self, path: str, error: Mapping[str, Any]) -> dict[str, Any]:
        if _is_cut(error):
            self.told.lack(f"The error of `{path}` was too large to be recorded.")
            return {"code": "COMPONENT_FAILED"}
        details = {key: value for key, value in error["details"].items() if key not in ("node", "index", "workflow")}
        retriable = {"retriable": True} if error.get("retriable") else {}
        return {"code": error["code"], "message": error["message"], **retriable, **details}


def _read_end(record: Mapping[str, Any], told: _Told) -> dict[str, Any]:
    error = record.get("error")
    if error is None:
        if _is_cut(record.get("data")):
            told.gaps.append("The answer was too large to be recorded, so that only its success is expected.")
            return {"status": "success"}
        if told.is_partial:
            told.gaps.append(_NO_DATA)
            return {"status": "success"}
        return {"data": record.get("data")}
    if _is_cut(error):
        return {"status": "failed"}
    if error["code"] == "RUN_TIMEOUT":
        told.gaps.append("The run took too long, which a test cannot: no timeout ends it.")
    node = error["details"].get("node")
    return {"error": {"code": error["code"], **({"node": node} if isinstance(node, str) else {})}}


def _write_head(run: RecordedRun, gaps: Sequence[str]) -> Iterator[str]:
    record = run.record
    version = f"version {record['version']}" if record.get("version") else "not stored"
    yield f"# Made of the run {run.run_id} of `{record['workflow']}`, {version}: acr logs {run.run_id} --as-test"
    if run.has_credentials:
        yield f"# {_LOOK}"
    if gaps:
        yield _UNKNOWN
        yield from (f"# - {gap}" for gap in gaps)


def _write_body(source: Mapping[str, Any]) -> str:
    """The test file's YAML, without characters that a terminal must not see.

    Raises CliError TEST_NOT_WRITABLE if a value cannot be written so that it is read again.
    """
    text = render_yaml(source)
    if any(escape_controls(line) != line for line in text.split("\n")):
        text = render_yaml(source, is_ascii=True)
    try:
        is_same = parse_yaml(text).value == source
    except YamlTextError:
        is_same = False
    if not is_same:
        raise CliError(
            "A value of this run cannot be written as YAML: it is nested too deep, too large, or not Unicode.",
            "Write the test by hand from the record: acr logs RUN --json",
            "TEST_NOT_WRITABLE",
        )
    return text


def _count_runs(entry: Mapping[str, Any]) -> int:
    """How often a node ran; in a loop, the record has the values of one of these runs."""
    iterations = entry.get("iterations") or {"success": 1}
    return sum(iterations.get(status, 0) for status in ("success", "failed"))


def _is_cut(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("_truncated") is True


def _is_cancelled(stub: Any) -> bool:
    return isinstance(stub, Mapping) and stub.get("error", {}).get("code") == "CANCELLED"


def _describe_cancelled(path: str) -> str:
    return f"What `{path}` would have answered: it was cancelled, for others were faster. Replace its stub."


def _code_of(entry: Mapping[str, Any]) -> str | None:
    error = entry.get("error")
    return None if error is None or _is_cut(error) else error["code"]
