"""A valid contract is read completely, and all errors of an invalid one are reported at once."""

from typing import Any

import pytest

from arcrun.contracts.model import Constraints, Credential, HostStub, Scenario
from arcrun.contracts.parse import CAPABILITIES, parse_contract
from arcrun.errors import ContractError
from fakes.contracts import REMOVED, build_contract, build_network_contract, constraints_source, contract_source

REQUIRED = [
    "canonical_id",
    "display_name",
    "description",
    "category",
    "version",
    "wasi_target",
    "stability",
    "author",
    "constraints",
    "input_schema",
    "output_schema",
    "config_example",
    "gherkin_tests",
    "credentials_required",
]
CONSTRAINTS = ["max_size_kb", "max_cold_start_ms", "io_model", "no_network_syscall", "no_filesystem_syscall"]
CREDENTIAL = {"key": "token", "inject_as": "bot_token", "description": "d", "help_url": "https://h"}
SCENARIOS = contract_source()["gherkin_tests"]


def findings_of(source: Any) -> list[tuple[str, str]]:
    """(path, message) of each finding; empty for a valid contract."""
    try:
        parse_contract(source)
    except ContractError as error:
        return read_findings(error)
    return []


def read_findings(error: ContractError) -> list[tuple[str, str]]:
    assert error.code == "INVALID_CONTRACT"
    assert error.details.keys() == {"findings"}
    return [(finding["path"], finding["message"]) for finding in error.details["findings"]]


def test_the_smallest_contract_is_valid() -> None:
    contract = build_contract()
    assert contract.canonical_id == "echo"
    assert contract.display_name == "Echo"
    assert contract.description == "Answers with its input"
    assert (contract.category, contract.version, contract.stability) == ("data", "v1", "stable")
    assert contract.author == "arcrun"
    assert contract.constraints == Constraints(100, 50, no_network_syscall=True, no_filesystem_syscall=True)
    assert contract.input_schema == {"type": "object", "properties": {"text": {"type": "string"}}}
    assert contract.output_schema == {"type": "object"}
    assert contract.config_example == {"text": "hello"}
    assert contract.scenarios == (
        Scenario("a text", {"text": "a"}, '"a"', None, ()),
        Scenario("nothing", {}, None, {"success": True, "data": {}}, ()),
    )
    assert contract.credentials_required == ()
    assert (contract.aliases, contract.tags, contract.allowed_hosts) == ((), (), ())
    assert contract.capabilities == frozenset()


def test_every_optional_field_is_read() -> None:
    stub: dict[str, dict[str, Any]] = {"request": {"method": "GET"}, "response": {"status": 200}}
    contract = build_network_contract(
        "api.example.com",
        "*.example.org",
        aliases=["repeat"],
        tags=["text", "demo"],
        capabilities=["sleep", "ai"],
        credentials_required=[CREDENTIAL],
        gherkin_tests=[*SCENARIOS, {"scenario": "s", "given": {}, "then": None, "http": [stub]}],
    )
    assert (contract.aliases, contract.tags) == (("repeat",), ("text", "demo"))
    assert contract.allowed_hosts == ("api.example.com", "*.example.org")
    assert contract.capabilities == {"network", "sleep", "ai"}
    assert contract.credentials_required == (Credential("token", "bot_token", "d", "https://h"),)
    assert contract.scenarios[2] == Scenario("s", {}, None, None, (HostStub(stub["request"], stub["response"]),))


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param({"type": "object", "properties": {"a": {}, "b": {}}}, {"a", "b"}, id="properties"),
        pytest.param({"type": "object"}, set(), id="none"),
    ],
)
def test_input_keys_are_the_properties(schema: dict[str, Any], expected: set[str]) -> None:
    assert set(build_contract(input_schema=schema).input_keys) == expected


@pytest.mark.parametrize("category", "logic api data ai auth ui style anim platform".split())
def test_every_category_is_allowed(category: str) -> None:
    assert build_contract(category=category).category == category


@pytest.mark.parametrize("stability", ["floating", "stable", "pinned"])
def test_every_stability_is_allowed(stability: str) -> None:
    assert build_contract(stability=stability).stability == stability


@pytest.mark.parametrize("capability", ["sleep", "ai"])
def test_every_capability_is_allowed(capability: str) -> None:
    assert build_contract(capabilities=[capability]).capabilities == {capability}


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="list"),
        pytest.param("canonical_id: echo", id="text"),
        pytest.param(7, id="number"),
    ],
)
def test_a_contract_is_a_mapping(source: Any) -> None:
    assert findings_of(source) == [("", "the contract must be a mapping")]


@pytest.mark.parametrize("field", REQUIRED)
def test_a_required_field_must_be_there(field: str) -> None:
    assert (field, "is missing") in findings_of(contract_source(**{field: REMOVED}))


@pytest.mark.parametrize("field", [field for field in REQUIRED if field not in ("constraints", "gherkin_tests")])
def test_a_missing_field_is_one_finding(field: str) -> None:
    assert findings_of(contract_source(**{field: REMOVED})) == [(field, "is missing")]


@pytest.mark.parametrize("field", CONSTRAINTS)
def test_a_required_constraint_must_be_there(field: str) -> None:
    source = contract_source(constraints=constraints_source(**{field: REMOVED}))
    assert findings_of(source) == [(f"constraints.{field}", "is missing")]


@pytest.mark.parametrize("wrong", [pytest.param(v, id=repr(v)) for v in (None, 7, True, ["a"], {"a": "b"})])
@pytest.mark.parametrize("field", REQUIRED[:8])
def test_a_text_must_be_a_text(field: str, wrong: Any) -> None:
    assert findings_of(contract_source(**{field: wrong})) == [(field, "must be a string")]


@pytest.mark.parametrize("wrong", [pytest.param(v, id=repr(v)) for v in (None, 7, "a", ["a"])])
@pytest.mark.parametrize("field", ["constraints", "input_schema", "output_schema", "config_example"])
def test_a_mapping_must_be_a_mapping(field: str, wrong: Any) -> None:
    assert (field, "must be a mapping") in findings_of(contract_source(**{field: wrong}))


@pytest.mark.parametrize("wrong", [pytest.param(v, id=repr(v)) for v in (None, 7, "a", {"a": "b"})])
@pytest.mark.parametrize(
    "field", ["gherkin_tests", "credentials_required", "aliases", "tags", "capabilities", "allowed_hosts"]
)
def test_a_list_must_be_a_list(field: str, wrong: Any) -> None:
    assert (field, "must be a list") in findings_of(contract_source(**{field: wrong}))


@pytest.mark.parametrize("field", ["aliases", "tags", "capabilities", "allowed_hosts"])
def test_a_list_of_texts_holds_texts(field: str) -> None:
    network = {"constraints": constraints_source(no_network_syscall=False), "allowed_hosts": ["*"]}
    assert findings_of(contract_source(**{**network, field: ["a", 7]})) == [(field, "must be a list of strings")]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        pytest.param("canonical_id", "Echo", "of the form ^[a-z][a-z0-9_]*$", id="id with a capital"),
        pytest.param("canonical_id", "1st", "of the form ^[a-z][a-z0-9_]*$", id="id with a digit first"),
        pytest.param("canonical_id", "a-b", "of the form ^[a-z][a-z0-9_]*$", id="id with a hyphen"),
        pytest.param("canonical_id", "../echo", "of the form ^[a-z][a-z0-9_]*$", id="id that is a path"),
        pytest.param("canonical_id", "echo\n", "of the form ^[a-z][a-z0-9_]*$", id="id with a line feed"),
        pytest.param("canonical_id", "", "of the form ^[a-z][a-z0-9_]*$", id="empty id"),
        pytest.param("category", "misc", "one of logic, api, data, ai, auth, ui, style, anim, platform", id="category"),
        pytest.param("category", "", "one of logic, api, data, ai, auth, ui, style, anim, platform", id="no category"),
        pytest.param("version", "1", "of the form v1", id="version without v"),
        pytest.param("version", "v1.2", "of the form v1", id="version with a dot"),
        pytest.param("version", "", "of the form v1", id="empty version"),
        pytest.param("wasi_target", "preview2", "preview1", id="WASI target"),
        pytest.param("wasi_target", "", "preview1", id="empty WASI target"),
        pytest.param("stability", "beta", "one of floating, stable, pinned", id="stability"),
        pytest.param("stability", "", "one of floating, stable, pinned", id="empty stability"),
    ],
)
def test_a_field_has_its_form(field: str, value: str, message: str) -> None:
    assert findings_of(contract_source(**{field: value})) == [(field, f"must be {message}")]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        pytest.param("max_size_kb", 0, "must be at least 1", id="size 0"),
        pytest.param("max_size_kb", -1, "must be at least 1", id="negative size"),
        pytest.param("max_size_kb", 1.5, "must be an integer", id="size with a fraction"),
        pytest.param("max_size_kb", True, "must be an integer", id="size true"),
        pytest.param("max_size_kb", "100", "must be an integer", id="size as a text"),
        pytest.param("max_cold_start_ms", 0, "must be at least 1", id="cold start 0"),
        pytest.param("max_cold_start_ms", None, "must be an integer", id="cold start null"),
        pytest.param("io_model", "http", "must be stdin_stdout_json", id="io_model"),
        pytest.param("io_model", "", "must be stdin_stdout_json", id="empty io_model"),
        pytest.param("io_model", None, "must be a string", id="io_model null"),
        pytest.param("no_network_syscall", "true", "must be true or false", id="network as a text"),
        pytest.param("no_network_syscall", 0, "must be true or false", id="network 0"),
        pytest.param("no_filesystem_syscall", None, "must be true or false", id="filesystem null"),
    ],
)
def test_a_constraint_has_its_form(field: str, value: Any, message: str) -> None:
    source = contract_source(constraints=constraints_source(**{field: value}))
    assert findings_of(source) == [(f"constraints.{field}", message)]


@pytest.mark.parametrize("field", ["input_schema", "output_schema"])
@pytest.mark.parametrize(
    ("schema", "path", "message"),
    [
        pytest.param(
            {"type": "array"}, ".type", "must be object: a component reads one JSON object and answers one", id="array"
        ),
        pytest.param(
            {"properties": {}},
            ".type",
            "must be object: a component reads one JSON object and answers one",
            id="no type",
        ),
        pytest.param({}, ".type", "must be object: a component reads one JSON object and answers one", id="empty"),
        pytest.param({"type": "object", "properties": ["a"]}, ".properties", "must be a mapping", id="properties"),
    ],
)
def test_a_schema_is_that_of_an_object(field: str, schema: dict[str, Any], path: str, message: str) -> None:
    assert findings_of(contract_source(**{field: schema})) == [(field + path, message)]


@pytest.mark.parametrize(
    ("scenario", "path", "message"),
    [
        pytest.param("text", "", "must be a mapping", id="not a mapping"),
        pytest.param({"given": {}, "then": 1}, ".scenario", "is missing", id="no name"),
        pytest.param({"scenario": "s", "then": 1}, ".given", "is missing", id="no input"),
        pytest.param({"scenario": 1, "given": {}, "then": 1}, ".scenario", "must be a string", id="name"),
        pytest.param({"scenario": "s", "given": [], "then": 1}, ".given", "must be a mapping", id="input"),
        pytest.param({"scenario": "s", "given": {}}, "", "must have either then or then_contains", id="no expectation"),
        pytest.param(
            {"scenario": "s", "given": {}, "then": 1, "then_contains": "a"},
            "",
            "must have either then or then_contains",
            id="two expectations",
        ),
        pytest.param(
            {"scenario": "s", "given": {}, "then_contains": 1}, ".then_contains", "must be a string", id="substring"
        ),
        pytest.param({"scenario": "s", "given": {}, "then": 1, "http": {}}, ".http", "must be a list", id="http"),
        pytest.param(
            {"scenario": "s", "given": {}, "then": 1, "http": ["x"]}, ".http[0]", "must be a mapping", id="stub"
        ),
        pytest.param(
            {"scenario": "s", "given": {}, "then": 1, "http": [{"request": {}}]},
            ".http[0].response",
            "is missing",
            id="stub without response",
        ),
        pytest.param(
            {"scenario": "s", "given": {}, "then": 1, "http": [{"request": "GET", "response": {}}]},
            ".http[0].request",
            "must be a mapping",
            id="stub's request",
        ),
        pytest.param(
            {"scenario": "s", "given": {}, "then": 1, "when": 1},
            ".when",
            "is unknown; allowed: scenario, given, then_contains, then, http, ai",
            id="unknown key",
        ),
    ],
)
def test_a_scenario_has_its_form(scenario: Any, path: str, message: str) -> None:
    source = contract_source(gherkin_tests=[*SCENARIOS, scenario])
    assert findings_of(source) == [(f"gherkin_tests[2]{path}", message)]


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_scenarios_are_refused(count: int) -> None:
    source = contract_source(gherkin_tests=SCENARIOS[:count])
    assert findings_of(source) == [("gherkin_tests", "must list at least two scenarios")]


@pytest.mark.parametrize(
    ("credential", "path", "message"),
    [
        pytest.param("token", "", "must be a mapping", id="not a mapping"),
        pytest.param({**CREDENTIAL, "key": 1}, ".key", "must be a string", id="key"),
        pytest.param({**CREDENTIAL, "inject_as": None}, ".inject_as", "must be a string", id="inject_as"),
        pytest.param(
            {**CREDENTIAL, "secret": "x"},
            ".secret",
            "is unknown; allowed: key, inject_as, description, help_url, token_url",
            id="unknown key",
        ),
        pytest.param(
            {key: value for key, value in CREDENTIAL.items() if key != "help_url"},
            ".help_url",
            "is missing",
            id="no URL",
        ),
    ],
)
def test_a_credential_has_its_form(credential: Any, path: str, message: str) -> None:
    source = contract_source(credentials_required=[CREDENTIAL, credential])
    assert findings_of(source) == [(f"credentials_required[1]{path}", message)]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("network", id="network, which is declared by its constraint"),
        pytest.param("filesystem", id="unknown"),
        pytest.param("", id="empty"),
    ],
)
def test_a_capability_is_a_known_one(name: str) -> None:
    assert findings_of(contract_source(capabilities=[name])) == [
        ("capabilities", "must be among sleep, ai, store, blob")
    ]


def test_kv_is_told_its_name() -> None:
    """Reported in addition to other findings, whether or not the component reaches the network."""
    told = ("capabilities", "kv is called `store`: declare that, and import store instead of kv_get")
    assert findings_of(contract_source(capabilities=["kv"])) == [told]
    unknown = ("capabilities", "must be among sleep, ai, store, blob")
    assert findings_of(contract_source(capabilities=["sleep", "kv", "disk", "tape"])) == [told, unknown]


@pytest.mark.parametrize("hosts", [pytest.param([], id="empty"), pytest.param(REMOVED, id="missing")])
def test_the_network_needs_hosts(hosts: Any) -> None:
    source = contract_source(constraints=constraints_source(no_network_syscall=False), allowed_hosts=hosts)
    expected = 'must list the hosts that the component calls ("*" for a generic one)'
    assert findings_of(source) == [("allowed_hosts", expected)]


def test_hosts_need_the_network() -> None:
    source = contract_source(allowed_hosts=["a.example"])
    assert findings_of(source) == [("allowed_hosts", "needs constraints.no_network_syscall: false")]


@pytest.mark.parametrize(
    ("source", "path"),
    [
        pytest.param(contract_source(licence="MIT"), "licence", id="contract"),
        pytest.param(contract_source(constraints=constraints_source(gpu=True)), "constraints.gpu", id="constraints"),
    ],
)
def test_an_unknown_key_fails_with_the_allowed_ones(source: dict[str, Any], path: str) -> None:
    [(found_path, message)] = findings_of(source)
    allowed = CONSTRAINTS if "." in path else [*REQUIRED, "runtime", "aliases", "tags", "allowed_hosts", "capabilities"]
    assert (found_path, message) == (path, f"is unknown; allowed: {', '.join(allowed)}")


def test_a_component_in_javascript_has_no_wasi_target() -> None:
    source = contract_source(runtime="javascript", wasi_target=REMOVED)
    assert parse_contract(source).is_javascript
    [(path, _)] = findings_of({**source, "wasi_target": "preview1"})
    assert path == "wasi_target"
    assert not parse_contract(contract_source(runtime="wasm")).is_javascript
    assert findings_of(contract_source(runtime="python")) == [("runtime", "must be one of wasm, javascript")]


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_javascript_has_no_capabilities_but_the_network(capability: str) -> None:
    source = contract_source(runtime="javascript", wasi_target=REMOVED, capabilities=[capability])
    [(path, message)] = findings_of(source)
    assert (path, message[:33]) == ("capabilities", "are not for runtime: javascript, ")


def test_all_findings_come_at_once() -> None:
    source = contract_source(
        canonical_id="Not An Id",
        display_name=REMOVED,
        version=2,
        constraints=constraints_source(max_size_kb=0, io_model="http"),
        input_schema={"type": "string"},
        gherkin_tests=[SCENARIOS[0]],
        credentials_required=["x"],
        tags="a",
        licence="MIT",
    )
    assert sorted(path for path, _ in findings_of(source)) == [
        "canonical_id",
        "constraints.io_model",
        "constraints.max_size_kb",
        "credentials_required[0]",
        "display_name",
        "gherkin_tests",
        "input_schema.type",
        "licence",
        "tags",
        "version",
    ]


def test_the_message_names_the_first_finding_and_counts_the_rest() -> None:
    with pytest.raises(ContractError) as caught:
        parse_contract(contract_source(author=REMOVED, version="2"))
    assert caught.value.message == "The contract is not valid: author is missing (and 1 more)."
    assert caught.value.next_actions == ("Correct the fields listed in details.findings.",)


def test_an_empty_contract_misses_every_field() -> None:
    paths = [path for path, message in findings_of({}) if message == "is missing"]
    assert paths == [*REQUIRED, *(f"constraints.{field}" for field in CONSTRAINTS)]
