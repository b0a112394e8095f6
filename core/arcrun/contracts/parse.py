"""Untrusted mapping -> Contract. All findings are reported at once, each with the path of its field."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from arcrun.contracts.model import JAVASCRIPT, WASM, Constraints, Contract, Credential, HostStub, Scenario
from arcrun.errors import ContractError

ID_PATTERN = re.compile(r"[a-z][a-z0-9_]*")
VERSION_PATTERN = re.compile(r"v(0|[1-9][0-9]{0,8})")
CATEGORIES = ("logic", "api", "data", "ai", "auth", "ui", "style", "anim", "platform")
STABILITIES = ("floating", "stable", "pinned")
MIN_SCENARIOS = 2
RUNTIMES = (WASM, JAVASCRIPT)
CAPABILITIES = ("sleep", "ai", "store", "blob")  # the network is declared by constraints.no_network_syscall: false

_WASI_TARGET = "wasi_target"
_REQUIRED = (
    "canonical_id display_name description category version wasi_target stability author constraints input_schema "
    "output_schema config_example gherkin_tests credentials_required"
).split()
_OPTIONAL = "runtime aliases tags allowed_hosts capabilities".split()


class _Findings:
    """Collects the errors of a mapping while its fields are read."""

    def __init__(self) -> None:
        self.found: list[dict[str, str]] = []

    def add(self, path: str, message: str) -> None:
        self.found.append({"path": path, "message": message})

    def has(self, path: str) -> bool:
        return any(finding["path"] == path for finding in self.found)

    def check_keys(self, value: Mapping[str, Any], path: str, required: list[str], optional: list[str]) -> None:
        prefix = f"{path}." if path else ""
        for key in required:
            if key not in value:
                self.add(f"{prefix}{key}", "is missing")
        for key in value:
            if key not in required and key not in optional:
                self.add(f"{prefix}{key}", f"is unknown; allowed: {', '.join([*required, *optional])}")

    def read(self, value: Mapping[str, Any], key: str, path: str, kind: type, fallback: Any) -> Any:
        found = value.get(key, fallback)
        if type(found) is kind or (kind is dict and isinstance(found, dict)):
            return found
        self.add(f"{path}.{key}" if path else key, f"must be {_KIND_NAMES[kind]}")
        return fallback

    def match(self, value: str, path: str, matches: Callable[[str], object], wanted: str) -> None:
        if not self.has(path) and not matches(value):
            self.add(path, f"must be {wanted}")


_KIND_NAMES = {str: "a string", int: "an integer", bool: "true or false", dict: "a mapping", list: "a list"}


def parse_contract(source: Any) -> Contract:
    """Parse the contents of a contract.yaml, already read into Python values.

    Raises ContractError with details {"findings": [{"path", "message"}, ...]}.
    """
    findings = _Findings()
    if not isinstance(source, dict):
        raise _error([{"path": "", "message": "the contract must be a mapping"}])
    runtime = findings.read(source, "runtime", "", str, WASM)
    findings.match(runtime, "runtime", RUNTIMES.__contains__, f"one of {', '.join(RUNTIMES)}")
    is_wasm = runtime != JAVASCRIPT
    findings.check_keys(source, "", [key for key in _REQUIRED if is_wasm or key != _WASI_TARGET], _OPTIONAL)
    text = {key: findings.read(source, key, "", str, "") for key in _REQUIRED[:8] if is_wasm or key != _WASI_TARGET}
    findings.match(text["canonical_id"], "canonical_id", ID_PATTERN.fullmatch, "of the form ^[a-z][a-z0-9_]*$")
    findings.match(text["category"], "category", CATEGORIES.__contains__, f"one of {', '.join(CATEGORIES)}")
    findings.match(text["version"], "version", VERSION_PATTERN.fullmatch, "of the form v1")
    if is_wasm:
        findings.match(text[_WASI_TARGET], _WASI_TARGET, "preview1".__eq__, "preview1")
    findings.match(text["stability"], "stability", STABILITIES.__contains__, f"one of {', '.join(STABILITIES)}")
    constraints = _parse_constraints(findings, findings.read(source, "constraints", "", dict, {}))
    contract = Contract(
        canonical_id=text["canonical_id"],
        display_name=text["display_name"],
        description=text["description"],
        category=text["category"],
        version=text["version"],
        stability=text["stability"],
        author=text["author"],
        constraints=constraints,
        input_schema=_parse_schema(findings, source, "input_schema"),
        output_schema=_parse_schema(findings, source, "output_schema"),
        config_example=findings.read(source, "config_example", "", dict, {}),
        scenarios=_parse_scenarios(findings, source),
        credentials_required=_parse_credentials(findings, source),
        aliases=_parse_texts(findings, source, "aliases"),
        tags=_parse_texts(findings, source, "tags"),
        allowed_hosts=_parse_texts(findings, source, "allowed_hosts"),
        capabilities=_parse_capabilities(findings, source, constraints, runtime),
        runtime=runtime,
    )
    if findings.found:
        raise _error(findings.found)
    return contract


def _error(found: list[dict[str, str]]) -> ContractError:
    first = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return ContractError(
        f"The contract is not valid: {first['path'] or 'contract'} {first['message']}{more}.",
        next_actions=["Correct the fields listed in details.findings."],
        details={"findings": found},
    )


def _parse_constraints(findings: _Findings, source: dict[str, Any]) -> Constraints:
    path = "constraints"
    keys = ["max_size_kb", "max_cold_start_ms", "io_model", "no_network_syscall", "no_filesystem_syscall"]
    findings.check_keys(source, path, keys, [])
    io_model = findings.read(source, "io_model", path, str, "")
    findings.match(io_model, f"{path}.io_model", "stdin_stdout_json".__eq__, "stdin_stdout_json")
    size_kb = findings.read(source, "max_size_kb", path, int, 1)
    cold_start_ms = findings.read(source, "max_cold_start_ms", path, int, 1)
    for key, value in (("max_size_kb", size_kb), ("max_cold_start_ms", cold_start_ms)):
        if value < 1:
            findings.add(f"{path}.{key}", "must be at least 1")
    return Constraints(
        max_size_kb=size_kb,
        max_cold_start_ms=cold_start_ms,
        no_network_syscall=findings.read(source, "no_network_syscall", path, bool, True),
        no_filesystem_syscall=findings.read(source, "no_filesystem_syscall", path, bool, True),
    )


def _parse_schema(findings: _Findings, source: Mapping[str, Any], key: str) -> dict[str, Any]:
    schema: dict[str, Any] = findings.read(source, key, "", dict, {})
    if not findings.has(key) and schema.get("type") != "object":
        findings.add(f"{key}.type", "must be object: a component reads one JSON object and answers one")
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        findings.add(f"{key}.properties", "must be a mapping")
        return {**schema, "properties": {}}
    return schema


def _parse_scenarios(findings: _Findings, source: Mapping[str, Any]) -> tuple[Scenario, ...]:
    listed = findings.read(source, "gherkin_tests", "", list, [])
    if len(listed) < MIN_SCENARIOS:
        findings.add("gherkin_tests", "must list at least two scenarios")
    scenarios = []
    for i, item in enumerate(listed):
        path = f"gherkin_tests[{i}]"
        if not isinstance(item, dict):
            findings.add(path, "must be a mapping")
            continue
        findings.check_keys(item, path, ["scenario", "given"], ["then_contains", "then", "http", "ai"])
        if ("then" in item) == ("then_contains" in item):
            findings.add(path, "must have either then or then_contains")
        scenarios.append(
            Scenario(
                name=findings.read(item, "scenario", path, str, ""),
                given=findings.read(item, "given", path, dict, {}),
                then_contains=findings.read(item, "then_contains", path, str, "") if "then_contains" in item else None,
                then=item.get("then"),
                http=_parse_stubs(findings, item, path, "http"),
                ai=_parse_stubs(findings, item, path, "ai"),
            )
        )
    return tuple(scenarios)


def _parse_stubs(findings: _Findings, item: Mapping[str, Any], path: str, key: str) -> tuple[HostStub, ...]:
    stubs = []
    for i, stub in enumerate(findings.read(item, key, path, list, [])):
        where = f"{path}.{key}[{i}]"
        if not isinstance(stub, dict):
            findings.add(where, "must be a mapping")
            continue
        findings.check_keys(stub, where, ["request", "response"], [])
        request = findings.read(stub, "request", where, dict, {})
        stubs.append(HostStub(request, findings.read(stub, "response", where, dict, {})))
    return tuple(stubs)


def _parse_credentials(findings: _Findings, source: Mapping[str, Any]) -> tuple[Credential, ...]:
    credentials = []
    for i, item in enumerate(findings.read(source, "credentials_required", "", list, [])):
        path = f"credentials_required[{i}]"
        if not isinstance(item, dict):
            findings.add(path, "must be a mapping")
            continue
        keys = ["key", "inject_as", "description", "help_url"]
        findings.check_keys(item, path, keys, ["token_url"])
        credentials.append(Credential(*(findings.read(item, key, path, str, "") for key in (*keys, "token_url"))))
    return tuple(credentials)


def _parse_texts(findings: _Findings, source: Mapping[str, Any], key: str) -> tuple[str, ...]:
    listed = findings.read(source, key, "", list, [])
    if not all(isinstance(item, str) for item in listed):
        findings.add(key, "must be a list of strings")
        return ()
    return tuple(listed)


def _parse_capabilities(
    findings: _Findings, source: Mapping[str, Any], constraints: Constraints, runtime: str
) -> frozenset[str]:
    declared = _parse_texts(findings, source, "capabilities")
    if "kv" in declared:  # was accepted earlier, although no host function implemented it
        findings.add("capabilities", "kv is called `store`: declare that, and import store instead of kv_get")
    if not {*CAPABILITIES, "kv"}.issuperset(declared):
        findings.add("capabilities", f"must be among {', '.join(CAPABILITIES)}")
    if runtime == JAVASCRIPT and declared:
        findings.add("capabilities", "are not for runtime: javascript, whose `ctx` has no such functions")
    if constraints.no_network_syscall:
        if source.get("allowed_hosts"):
            findings.add("allowed_hosts", "needs constraints.no_network_syscall: false")
        return frozenset(declared)
    if not source.get("allowed_hosts"):
        findings.add("allowed_hosts", 'must list the hosts that the component calls ("*" for a generic one)')
    return frozenset(declared) | {"network"}
