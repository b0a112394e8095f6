"""The component `code`: what JavaScript in a workflow may be and do.

Proves: it is built of what is pinned; each script of a table comes to its value or to a named error, within the fuel of
a call; an error has its place in the file; the same seed and time give the same; requests go to the call's hosts only.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import components.wasm_harness as harness
from acr.bench.wasmtime_runner import WasmtimeRunner
from arcrun.errors import HostFunctionError
from arcrun.limits import KIB, MAX_STDOUT_BYTES
from arcrun.ports import HttpRequest, HttpResponse
from arcrun.wasm.abi import Outcome, read_outcome
from arcrun.wasm.component import fuel_of_bundled
from arcrun.wasm.host import PortHostFunctions
from fakes.builtins import BUILTINS
from fakes.ports.system import FixedClock, SeededRandom
from fixtures.code_scripts import ERRORS, INPUT, VALUES

ROOT = Path(__file__).resolve().parents[2]
CODE = "code"
RUNNER = WasmtimeRunner(fuel=fuel_of_bundled(CODE), deadline_s=60)


class EchoingHttp:
    """Answers each request with what it was."""

    def __init__(self) -> None:
        self.sent: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.sent.append(request)
        if request.url.endswith("/refused"):
            raise HostFunctionError("It refused.", code="HTTP_CONNECTION_FAILED")
        if request.url.endswith("/bytes"):
            return HttpResponse(200, {}, b"\xff\xfe\xfd")
        body = json.dumps({"method": request.method, "body": request.body.decode(), "headers": dict(request.headers)})
        return HttpResponse(404 if request.url.endswith("/missing") else 200, {}, body.encode())


def run(source: str, input_value: Any = None, http: EchoingHttp | None = None, **more: Any) -> Outcome:
    host = PortHostFunctions(
        BUILTINS[CODE], http or EchoingHttp(), FixedClock(), SeededRandom(), hosts=more.get("hosts", ())
    )
    given = {"source": source, "input": INPUT if input_value is None else input_value, **more}
    return read_outcome(RUNNER.call(harness.load_metered_module(CODE), json.dumps(given).encode(), host), CODE)


def data_of(outcome: Outcome) -> Any:
    assert outcome.error is None, outcome.error
    return outcome.envelope["data"]


@pytest.mark.parametrize("source", VALUES)
def test_a_script_comes_to_its_value(source: str) -> None:
    assert data_of(run(source)) == VALUES[source]


@pytest.mark.parametrize("source", ERRORS)
def test_a_script_comes_to_a_named_error(source: str) -> None:
    error = run(source).error
    assert error is not None
    assert error.code == ERRORS[source], error.message
    assert error.message


FILE = "const total = input.list\n  .map((x) => x.price.net)\n  .join()\nreturn total"


@pytest.mark.parametrize(
    ("at", "line", "column"),
    [(None, 2, 15), ({"line": 1, "indent": 0}, 2, 15), ({"line": 12, "indent": 6}, 13, 21)],
    ids=["alone", "at the start", "in a file"],
)
@pytest.mark.parametrize("form", ["{}", "export default (input) => {{ {} }}"], ids=["body", "module"])
def test_an_error_has_its_place(form: str, at: dict[str, int] | None, line: int, column: int) -> None:
    placed: dict[str, Any] = {} if at is None else {"at": at}
    error = run(form.format(FILE), {"list": [{}]}, **placed).error
    assert error is not None
    where = f"line {line}, column {column}" + (" of the source" if at is None else "")
    assert error.message == f"TypeError: cannot read property 'net' of undefined ({where})"
    assert (error.details["line"], error.details["column"]) == (line, column)
    assert error.details["stack"][0].endswith(f"{line}:{column}")


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("return 1 +", 1, 11),
        ("if (1) {\n  return 2", 2, 11),
        ("const a = (;", 1, 12),
        ("export default (\n) => {", 2, 7),
    ],
)
def test_a_syntax_error_is_never_behind_the_source(source: str, line: int, column: int) -> None:
    error = run(source, check=True).error
    assert error is not None
    assert (error.code, error.details["line"], error.details["column"]) == ("SYNTAX_ERROR", line, column)


def test_a_check_runs_nothing() -> None:
    assert data_of(run("for (;;) {}", check=True)) is True
    assert data_of(run("console.log('run'); export default () => 1", check=True)) is True
    assert run("console.log('run'); export default () => 1", check=True).log == ""


def test_the_same_seed_and_time_give_the_same() -> None:
    source = "return [Math.random(), Math.random(), Date.now(), new Date().getFullYear()]"
    first, again, other = (
        data_of(run(source, run={"seed": seed, "now_ms": 1_000_000_000_000})) for seed in ("run a", "run a", "run b")
    )
    assert first == again
    assert first[0] != first[1]
    assert first[:2] != other[:2]
    assert first[2:] == [1_000_000_000_000, 2001]


def test_random_numbers_are_spread_evenly() -> None:
    drawn = data_of(run("return Array.from({length: 4000}, Math.random)", run={"seed": "x"}))
    assert all(0 <= number < 1 for number in drawn)
    tenths = [sum(int(number * 10) == tenth for number in drawn) for tenth in range(10)]
    assert all(300 < count < 500 for count in tenths)


def test_what_is_logged_is_a_line_of_the_log() -> None:
    source = "console.log('a', 1, {b: [1n, null]}, new Map([[1, 2]]), undefined, () => 1); console.error('c')"
    assert run(source).log == 'a 1 {"b":["1n",null]} [[1,2]] undefined [function anonymous]\nc\n'


def test_a_request_is_sent_and_read() -> None:
    http = EchoingHttp()
    source = """
        const sent = await ctx.http("https://api.example.com/orders", {json: {n: 1}, headers: {"x-key": "k"}});
        const asked = await ctx.http("https://api.example.com/missing");
        return [sent.status, sent.ok, sent.json(), asked.status, asked.ok];
    """
    echoed = {"method": "POST", "body": '{"n":1}', "headers": {"content-type": "application/json", "x-key": "k"}}
    assert data_of(run(source, http=http, hosts=["*.example.com"])) == [200, True, echoed, 404, False]
    typed = (
        "return (await ctx.http('https://a.example.com/', {json: 1, headers: {'Content-Type': 'a/b'}})).json().headers"
    )
    assert data_of(run(typed, http=EchoingHttp(), hosts=["*.example.com"])) == {"Content-Type": "a/b"}
    assert [(it.method, it.url) for it in http.sent] == [
        ("POST", "https://api.example.com/orders"),
        ("GET", "https://api.example.com/missing"),
    ]


def test_a_failed_request_can_be_caught_and_says_whether_to_retry() -> None:
    source = (
        "try { await ctx.http('https://a.example.com/refused') } catch (e) { return [e.name, e.code, e.retriable] }"
    )
    assert data_of(run(source, hosts=["a.example.com"])) == ["HttpError", "HTTP_CONNECTION_FAILED", True]
    error = run("await ctx.http('https://a.example.com/refused')", hosts=["a.example.com"]).error
    assert error is not None
    assert (error.code, error.retriable) == ("HTTP_CONNECTION_FAILED", True)


@pytest.mark.parametrize(
    ("hosts", "is_sent"),
    [
        ([], False),
        (["b.example.com"], False),
        (["a.example.com:8443"], False),
        (["a.example.com"], True),
        (["*"], True),
    ],
    ids=str,
)
def test_a_request_goes_to_the_hosts_of_the_call_only(hosts: list[str], *, is_sent: bool) -> None:
    http = EchoingHttp()
    outcome = run("return (await ctx.http('https://a.example.com/')).status", http=http, hosts=hosts)
    assert (outcome.error is None, bool(http.sent)) == (is_sent, is_sent)
    if outcome.error is not None:
        assert outcome.error.code == "HOST_NOT_ALLOWED"
        assert "`hosts` of the node" in outcome.error.message


@pytest.mark.parametrize(
    ("options", "method", "body"),
    [
        ("{}", "GET", ""),
        ("{body: 'x'}", "POST", "x"),
        ("{json: [1]}", "POST", "[1]"),
        ("{json: null}", "POST", "null"),
        ("{body_base64: 'aMOp'}", "POST", "hé"),
        ("{body_base64: 'aMOp', method: 'PUT'}", "PUT", "hé"),
        ("{json: undefined, body: 'x'}", "POST", "x"),
    ],
    ids=str,
)
def test_a_request_has_a_body(options: str, method: str, body: str) -> None:
    asked = f"return (await ctx.http('https://a.example.com/', {options})).json()"
    echoed = data_of(run(asked, hosts=["*"]))
    assert (echoed["method"], echoed["body"]) == (method, body)


def test_a_request_with_two_bodies_is_refused() -> None:
    http = EchoingHttp()
    asked = "await ctx.http('https://a.example.com/', {json: {}, body: 'x', method: 'PUT'})"
    error = run(asked, http=http, hosts=["*"]).error
    assert error is not None
    assert (error.code, http.sent) == ("INVALID_REQUEST", [])
    assert error.message.startswith("HttpError: a request has one body, and not both body and json")


def test_a_body_that_is_no_text() -> None:
    asked = "const answer = await ctx.http('https://a.example.com/bytes', {as_base64: %s}); return %s"
    assert data_of(run(asked % ("true", "answer.body"), hosts=["*"])) == "//79"
    assert data_of(run(asked % ("true", "answer"), hosts=["*"]))["body"] == "//79"
    assert data_of(run(asked % ("false", "[answer.status, answer.ok]"), hosts=["*"])) == [200, True]
    for reads in ("answer.body", "answer.json()", "`${answer.body}`"):
        error = run(asked % ("false", reads), hosts=["*"]).error
        assert error is not None
        assert error.code == "INVALID_RESPONSE_BODY"
        assert "as_base64: true" in error.message


def test_what_is_not_awaited_is_finished_and_nothing_is_sent_after_it() -> None:
    http = EchoingHttp()
    source = """
        const send = (name) => ctx.http(`https://a.example.com/${name}`);
        Promise.resolve().then(() => null).then(() => null).then(() => send("late"));
        return {toJSON() { send("too-late"); return 1 }};
    """
    assert data_of(run(source, http=http, hosts=["*"])) == 1
    assert [request.url for request in http.sent] == ["https://a.example.com/late"]


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("const r = {\n  toJSON() { throw new Error('no') }};\nreturn r", 2, 24),
        ("return {\n  get a() { null.x }}", 2, 13),
        ("return {a: {\n  toJSON() { null.x }}}", 2, 14),
        ("\nreturn atob('*')", 2, 8),
        ("const é = 'äöü😀'; null.x", 1, 19),
        ("const é = 1;\n/* ü */ null.x", 2, 9),
        ("queueMicrotask(() => { null.x }); return 1", 1, 24),
        ("new DOMException('x', 'AbortError'); throw new DOMException('no', 'AbortError')", 1, 48),
    ],
    ids=[
        "toJSON",
        "a getter",
        "toJSON within",
        "atob",
        "wide characters",
        "wide on line 2",
        "a microtask",
        "DOMException",
    ],
)
def test_where_an_error_is(source: str, line: int, column: int) -> None:
    error = run(source, at={"line": 5, "indent": 2}).error
    assert error is not None
    assert (error.details["line"] - 4, error.details["column"] - 2) == (line, column), error.message


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("return NaN", "it is NaN"),
        ("return {items: [{price: 1}, {price: 0 / 0}]}", "`items[1].price` is NaN"),
        ("return {'a b': {c: [[1n]]}}", '`["a b"].c[0][0]` is a BigInt'),
        ("return {a: new Map().keys()}", "`a` is an iterator (use an array: [...iterator])"),
        ("const a = {b: []}; a.b.push(a); return a", "`b[0]` is a value that contains itself"),
    ],
    ids=str,
)
def test_what_json_cannot_hold_is_named_with_its_place(source: str, said: str) -> None:
    error = run(source).error
    assert error is not None
    assert error.message == f"JSON cannot hold the result: {said}."


def test_large_values_go_in_and_out() -> None:
    rows = [{"id": number, "name": f"row {number}", "tags": ["a", "b"]} for number in range(2_000)]
    assert data_of(run("return input.map(({id, name}) => ({id, name}))", rows))[1_999] == {
        "id": 1_999,
        "name": "row 1999",
    }
    assert data_of(run("return input.length", "x" * 3_000_000)) == 3_000_000
    assert len(data_of(run("return input + input", "y" * 500_000))) == 1_000_000


def test_a_result_has_a_limit() -> None:
    runner = WasmtimeRunner(fuel=10 * fuel_of_bundled(CODE), deadline_s=60)
    host = PortHostFunctions(BUILTINS[CODE], EchoingHttp(), FixedClock(), SeededRandom(), hosts=())
    asked = json.dumps({"source": "return 'x'.repeat(4200000)"}).encode()
    error = read_outcome(runner.call(harness.load_metered_module(CODE), asked, host), CODE).error
    assert error is not None
    assert error.code == "RESULT_TOO_LARGE"


def test_the_largest_input_and_the_largest_result_fit_a_call() -> None:
    most = MAX_STDOUT_BYTES - KIB - 2  # and two quotes
    assert data_of(run("return input", "x" * most)) == "x" * most
    assert len(data_of(run("return '\\n'.repeat(input)", most // 2))) == most // 2
    error = run("return 'x'.repeat(input)", most + 1).error
    assert error is not None
    assert error.code == "RESULT_TOO_LARGE"


def test_deeply_nested_input_is_refused_in_words() -> None:
    nested: Any = []
    for _ in range(100):
        nested = [nested]
    assert data_of(run("let d = 0; for (let a = input; a; a = a[0]) d++; return d", nested)) == 101


def test_the_module_is_what_its_sources_build() -> None:
    """Compiled again, to the byte: what it is made of is pinned."""
    command = [sys.executable, str(ROOT / "scripts/build_code.py"), "--check"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert said.returncode == 0, said.stderr
