"""The review of components in JavaScript: each bad one fails its own step with its own code, by the engine under
wasmtime, and the registry keeps a good one as it was written.
"""

import asyncio
import json
from typing import Any

import pytest

from acr.bench.wasmtime_runner import WasmtimeRunner
from arcrun.limits import MAX_JAVASCRIPT_BYTES
from arcrun.registry.review import Bench, Review, review_component
from fakes.contracts import REMOVED, constraints_source, contract_source
from fakes.registry import VALIDATOR, FixedColdStarts, RegistryBench, get_javascript_runner

DOUBLE = "export default (input) => ({ n: 2 * (input.n ?? 1) });"
BUNDLE = "const main = (input) => ({ n: 2 * (input.n ?? 1) });\nexport {\n  main as default\n};\n"
NUMBER = {"type": "object", "properties": {"n": {"type": "number"}}}
THRICE = [
    {"scenario": "a number", "given": {"n": 3}, "then": {"success": True, "data": {"n": 6}}},
    {"scenario": "none", "given": {}, "then": {"success": True, "data": {"n": 2}}},
]
ANY: list[dict[str, Any]] = [{"scenario": name, "given": {}, "then_contains": "success"} for name in ("one", "two")]


def write_contract(**overrides: Any) -> str:
    taken = {"canonical_id": "double", "input_schema": {"type": "object"}, "output_schema": NUMBER}
    given = {"config_example": {}, "gherkin_tests": THRICE, **taken, **overrides}
    return json.dumps(contract_source(runtime="javascript", wasi_target=REMOVED, **given))


def review(main: str | bytes, **overrides: Any) -> Review:
    bench = Bench(WasmtimeRunner(), FixedColdStarts(), VALIDATOR, get_javascript_runner)
    content = main.encode() if isinstance(main, str) else main
    return asyncio.run(review_component(write_contract(**overrides), content, bench))


@pytest.mark.parametrize(
    "main",
    [
        pytest.param(DOUBLE, id="a module"),
        pytest.param(BUNDLE, id="a bundle"),
        pytest.param("export default async (input) => ({ n: 2 * (await input.n ?? 1) });", id="async"),
    ],
)
def test_a_good_one_is_accepted(main: str) -> None:
    found = review(main)
    assert found.accepted, found.failure
    assert found.component is not None
    assert (found.component.source, found.component.module) == (main, None)


LOOP = "export default () => { for (;;); };"
SPIN = "export default () => { let n = 0; for (let i = 0; i < 300000; i++) n += i; return { n }; };"
TEXT = "export default () => ({ n: 'two' });"
RANDOM = "export default () => ({ n: Math.random() });"
ASKING = "export default async (_input, ctx) => ({ n: (await ctx.http('https://a.example/')).status });"
STUB = {"request": {"url": "https://a.example/"}, "response": {"status": 200, "headers": {}, "body": ""}}


@pytest.mark.parametrize(
    ("main", "overrides", "expected"),
    [
        pytest.param("x" * (MAX_JAVASCRIPT_BYTES + 1), {}, ("size_check", "SOURCE_TOO_LARGE"), id="too large"),
        pytest.param(b"\0asm\xff", {}, ("module_scan", "INVALID_SOURCE"), id="not text"),
        pytest.param(" \n", {}, ("module_scan", "INVALID_SOURCE"), id="empty"),
        pytest.param("export default (", {}, ("module_scan", "SYNTAX_ERROR"), id="syntax"),
        pytest.param(TEXT, {"gherkin_tests": ANY}, ("gherkin_tests", "OUTPUT_OUTSIDE_SCHEMA"), id="schema"),
        pytest.param(DOUBLE.replace("2 *", "3 *"), {}, ("gherkin_tests", "SCENARIO_FAILED"), id="scenario"),
        pytest.param(LOOP, {"gherkin_tests": ANY}, ("gherkin_tests", "FUEL_EXHAUSTED"), id="endless"),
        pytest.param(RANDOM, {"gherkin_tests": ANY}, ("determinism", "NOT_DETERMINISTIC"), id="random"),
        pytest.param(
            SPIN,
            {"gherkin_tests": ANY, "constraints": constraints_source(max_cold_start_ms=1)},
            ("cold_start", "COLD_START_TOO_SLOW"),
            id="slow",
        ),
    ],
)
def test_a_bad_one_fails_its_own_step(main: str | bytes, overrides: Any, expected: tuple[str, str]) -> None:
    failure = review(main, **{"constraints": constraints_source(max_size_kb=8192), **overrides}).failure
    assert failure is not None
    assert (failure.name, failure.code) == expected
    assert failure.findings


@pytest.mark.parametrize(
    ("hosts", "code"),
    [(["a.example"], ""), (["b.example"], "SCENARIO_FAILED"), ([], "SCENARIO_FAILED")],
    ids=["declared", "another", "none"],
)
def test_the_contract_says_which_hosts_are_asked(hosts: list[str], code: str) -> None:
    network = {"allowed_hosts": hosts} if hosts else {}
    scenarios = [
        {"scenario": name, "given": {}, "then": {"success": True, "data": {"n": 200}}, "http": [STUB]}
        for name in ("one", "two")
    ]
    constraints = constraints_source(no_network_syscall=not hosts)
    found = review(ASKING, gherkin_tests=scenarios, constraints=constraints, **network)
    assert ("" if found.failure is None else found.failure.code) == code


@pytest.mark.anyio
@pytest.mark.parametrize("form", ["multipart", "json"])
async def test_the_registry_keeps_what_was_submitted(form: str) -> None:
    bench = RegistryBench()
    body: dict[str, Any] = (
        {"files": {"contract": write_contract().encode(), "javascript": DOUBLE.encode()}}
        if form == "multipart"
        else {"json": {"contract": write_contract(), "javascript": DOUBLE}}
    )
    async with bench.client() as client:
        accepted = await client.post("/submit", **body)
        again = await client.post("/submit", **body)
        module = await client.get("/components/double/module")
    data = accepted.json()["data"]
    assert (accepted.status_code, again.json()["data"]) == (201, data)
    assert data["runtime"] == "javascript"
    assert (module.text, module.headers["content-type"]) == (DOUBLE, "text/javascript; charset=utf-8")
    assert set(bench.bucket.keys) == {f"modules/{data['sha256']}.js", f"contracts/{data['contract_sha256']}.json"}
    assert bench.bucket.objects[f"modules/{data['sha256']}.js"] == DOUBLE.encode()
    bench.close()
