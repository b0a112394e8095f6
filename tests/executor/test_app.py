"""Proves the executor's routes: what each answers, to the byte where it matters, and that every refusal has one shape,
{"success": false, "error": {"code", "message", "retriable", "next_actions", "details"}}, with the right
status.
"""

import functools
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from arcrun import __version__
from executor.access import OwnerAccess
from executor.app import build_app
from fakes.components import FUEL_A_CALL, echo, exited, trapped
from fakes.executor import API_KEY, Bench, Script, build_bench, build_client
from fakes.ports.system import SeededRandom
from fakes.wire import INTERNAL, UNAUTHORIZED, check_error, read_error
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

FLOW = {"name": "tell", "flow": ["input >> PIPE >> echo"], "config": {"echo": {"text": "{{input.text?}}"}}}
TOKEN = "0" * 32
FIRST_TOKEN = SeededRandom().token_bytes(16).hex()  # of the first workflow that is pushed
FAILURE = {"success": False, "error": {"code": "BAD", "message": "It is bad."}}
SCRIPT: Script = {"echo": echo, "fail": exited(FAILURE), "trap": trapped()}
NO_OBJECTS: list[Any] = [None, 7, "text", []]
MANAGEMENT = ["/execute", "/validate", "/webhooks", "/webhooks/named/tell/trigger"]


async def send(method: str, path: str, bench: Bench | None = None, **request: Any) -> httpx.Response:
    """Send one request with the right key. `request` has httpx's arguments."""
    async with build_client((bench or build_bench(SCRIPT)).service) as client:
        return await client.request(method, path, **request)


async def post(path: str, body: Any, bench: Bench | None = None) -> httpx.Response:
    return await send("POST", path, bench, json=body)


async def test_health_needs_no_key() -> None:
    for api_key in (API_KEY, None):
        async with build_client(build_bench({}).service, api_key=api_key, headers={}) as client:
            response = await client.get("/health")
        assert (response.status_code, response.json()) == (200, {"ok": True, "version": __version__})


@pytest.mark.parametrize(
    ("component", "status", "expected"),
    [
        pytest.param("echo", 200, {"success": True, "data": {"text": "é"}}, id="success"),
        pytest.param("echo@v1", 200, {"success": True, "data": {"text": "é"}}, id="with its version"),
        pytest.param("fail", 422, FAILURE, id="failure"),
    ],
)
async def test_execute_answers_as_the_component_gave_it(component: str, status: int, expected: Any) -> None:
    response = await post("/execute", {"component": component, "input": {"text": "é"}})
    assert (response.status_code, response.json()) == (status, expected)


async def test_execute_needs_no_input() -> None:
    assert (await post("/execute", {"component": "echo"})).json() == {"success": True, "data": {}}


async def test_execute_of_a_component_that_traps() -> None:
    response = await post("/execute", {"component": "trap"})
    assert response.status_code == 502
    assert read_error(response) == {
        "code": "COMPONENT_TRAPPED",
        "message": "`trap` trapped: unreachable.",
        "retriable": False,
        "next_actions": ["Run only the component on this input: POST /execute with {component, input}."],
        "details": {},
    }


async def test_execute_of_an_unknown_component() -> None:
    response = await post("/execute", {"component": "nope"})
    error = read_error(response)
    assert (response.status_code, error["code"]) == (404, "COMPONENT_NOT_FOUND")
    assert error["message"] == "There is no component `nope`."
    assert error["details"]["component"] == "nope"
    assert len(error["details"]["looked_in"]) == 3


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(FLOW, id="object"),
        pytest.param("name: tell\nflow: [input >> PIPE >> echo]\nconfig: {echo: {take: input}}", id="text"),
    ],
)
async def test_execute_of_a_workflow(source: Any) -> None:
    response = await post("/execute?trace=1", {"workflow": source, "input": {"text": "hi"}})
    body = response.json()
    assert response.status_code == 200
    output = {"success": True, "data": {"text": "hi"}}
    entry = {"node": "echo", "component": "echo", "status": "success", "attempts": 1, "fuel": FUEL_A_CALL}
    entry |= {"sha256": "sha256-of-echo"}
    assert body == {
        "success": True,
        "data": {"text": "hi"},
        "run_id": body["run_id"],
        "duration_ms": 0,
        "trace": [{**entry, "start_ms": 0, "duration_ms": 0, "input": {"text": "hi"}, "output": output}],
    }
    assert len(body["run_id"]) == 26


@pytest.mark.parametrize(
    ("component", "status", "code"),
    [pytest.param("fail", 422, "BAD", id="failure"), pytest.param("trap", 502, "COMPONENT_TRAPPED", id="trap")],
)
async def test_a_run_that_fails(component: str, status: int, code: str) -> None:
    source = {**FLOW, "config": {"echo": {"component": component}}}
    response = await post("/execute?trace=1", {"workflow": source})
    body = response.json()
    assert response.status_code == status
    assert body.keys() == {"success", "error", "run_id", "duration_ms", "trace"}
    assert body["success"] is False
    error = check_error(body["error"])
    assert (error["code"], error["details"]["node"]) == (code, "echo")
    assert [(entry["node"], entry["status"], entry["error"]) for entry in body["trace"]] == [("echo", "failed", error)]


@pytest.mark.parametrize("path", ["/execute", "/webhooks"])
async def test_a_workflow_with_an_unknown_component(path: str) -> None:
    source = {"name": "w", "flow": ["input >> PIPE >> a"], "config": {"a": {"component": "nope"}}}
    response = await post(path, {"workflow": source})
    error = read_error(response)
    assert (response.status_code, error["code"]) == (422, "INVALID_WORKFLOW")
    [found] = error["details"]["diagnostics"]
    assert found == {
        "code": "UNKNOWN_COMPONENT",
        "message": "the node `a` names the component `nope`, which does not exist",
        "hint": "Set `config.a.component` to one of the components that `acr parts` lists.",
        "severity": "error",
        "file": None,
        "line": None,
        "column": None,
    }
    assert error["next_actions"] == [found["hint"]]


@pytest.mark.parametrize("path", ["/execute", "/webhooks"])
@pytest.mark.parametrize(
    ("source", "code"),
    [
        pytest.param("name: [", "INVALID_YAML", id="broken YAML"),
        pytest.param("name: w\x00", "INVALID_YAML", id="control character"),
        pytest.param("", "INVALID_WORKFLOW", id="empty text"),
        pytest.param({}, "INVALID_NAME", id="empty object"),
        pytest.param("x" * 300_000, "WORKFLOW_TOO_LARGE", id="too large"),
    ],
)
async def test_a_workflow_that_is_not_valid(path: str, source: Any, code: str) -> None:
    response = await post(path, {"workflow": source})
    error = read_error(response)
    assert (response.status_code, error["code"]) == (422, "INVALID_WORKFLOW")
    assert error["details"]["diagnostics"][0]["code"] == code


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        pytest.param("/execute", {}, "The body must have either `workflow` or `component`.", id="neither"),
        pytest.param(
            "/execute",
            {"workflow": FLOW, "component": "echo"},
            "The body must have either `workflow` or `component`.",
            id="both",
        ),
        *[
            pytest.param(
                "/execute",
                {"component": component},
                "`component` must be a string and `input` an object.",
                id=f"component {component!r}",
            )
            for component in (None, 7, True, ["echo"], {"id": "echo"})
        ],
        *[
            pytest.param(
                "/execute",
                {"component": "echo", "input": value},
                "`component` must be a string and `input` an object.",
                id=f"component with input {value!r}",
            )
            for value in NO_OBJECTS
        ],
        *[
            pytest.param(
                path, {"workflow": source}, "`workflow` must be YAML text or an object.", id=f"{path} of {source!r}"
            )
            for path in ("/execute", "/webhooks")
            for source in (None, 7, ["a"], True)
        ],
        pytest.param("/webhooks", {}, "`workflow` must be YAML text or an object.", id="/webhooks of nothing"),
        pytest.param("/execute", [], "The body must be a JSON object.", id="/execute of a list"),
        pytest.param("/webhooks", "x", "The body must be a JSON object.", id="/webhooks of a text"),
    ],
)
async def test_a_request_that_is_not_valid(path: str, body: Any, message: str) -> None:
    bench = build_bench(SCRIPT)
    response = await post(path, body, bench)
    error = read_error(response)
    assert (response.status_code, error["code"], error["message"]) == (400, "INVALID_REQUEST", message)
    assert (bench.runner.calls, bench.kv.writes) == ([], [])


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/execute", "Allowed: workflow, component, input, vars."),
        ("/webhooks", "Allowed: workflow, file, force, vars, expected_version."),
    ],
)
async def test_an_unknown_key(path: str, allowed: str) -> None:
    response = await post(path, {"workflow": FLOW, "inputs": {}})
    assert response.status_code == 400
    assert read_error(response) == {
        "code": "UNKNOWN_KEY",
        "message": "Unknown key `inputs` in the body.",
        "retriable": False,
        "next_actions": [allowed],
        "details": {"unknown_keys": ["inputs"]},
    }


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("path", [*MANAGEMENT, f"/webhooks/{FIRST_TOKEN}/trigger"])
async def test_a_body_that_is_too_large(path: str, streamed: bool) -> None:
    bench = build_bench(SCRIPT)
    await bench.service.push(FLOW, ADA)
    response = await send("POST", path, bench, content=five_megabytes() if streamed else b" " * 5_000_000)
    assert (response.status_code, read_error(response)["code"]) == (413, "PAYLOAD_TOO_LARGE")


async def five_megabytes() -> AsyncIterator[bytes]:
    for _ in range(5):
        yield b" " * 1_000_000


@pytest.mark.parametrize("path", [*MANAGEMENT, f"/webhooks/{FIRST_TOKEN}/trigger"])
async def test_a_body_that_is_not_json(path: str) -> None:
    bench = build_bench(SCRIPT)
    await bench.service.push(FLOW, ADA)
    response = await send("POST", path, bench, content=b"name: w")
    assert (response.status_code, read_error(response)["code"]) == (400, "INVALID_JSON")


ROUTES = [
    ("POST", "/execute"),
    ("POST", "/validate"),
    ("POST", "/webhooks"),
    ("GET", "/webhooks"),
    ("GET", f"/webhooks/{FIRST_TOKEN}"),
    ("PUT", f"/webhooks/{FIRST_TOKEN}"),
    ("DELETE", f"/webhooks/{FIRST_TOKEN}"),
    ("POST", f"/webhooks/{FIRST_TOKEN}/rotate"),
    ("GET", "/webhooks/named/tell"),
    ("GET", "/webhooks/named/tell/versions/1"),
    ("POST", "/webhooks/named/tell/trigger"),
    ("POST", "/webhooks/named/tell/rollback"),
    ("POST", "/credentials/crm/try"),
    ("GET", "/audit"),
    ("POST", "/audit"),
    ("POST", "/webhooks/named/tell/pause"),
    ("POST", "/webhooks/named/tell/resume"),
    ("POST", "/webhooks/pause"),
    ("POST", "/webhooks/resume"),
    ("GET", "/schedules"),
    ("GET", "/schedules/tell"),
    ("POST", "/schedules/tell/pause"),
    ("POST", "/schedules/tell/resume"),
    ("POST", "/schedules/tell/run"),
    ("GET", "/schedules/tell/seen"),
    ("PUT", "/schedules/tell/seen"),
    ("GET", "/plan"),
    ("GET", "/checks"),
    ("GET", "/usage"),
    ("POST", "/data-keys/renew"),
    ("GET", "/runs"),
    ("POST", "/runs/resume"),
    ("GET", f"/runs/{'0' * 26}"),
    ("GET", f"/runs/{'0' * 26}/input"),
    ("GET", f"/runs/{'0' * 26}/attachments/7"),
    ("POST", f"/runs/{'0' * 26}/cancel"),
    ("GET", f"/runs/{'0' * 26}/follow"),
    ("GET", "/runs/unsettled"),
    ("POST", f"/runs/{'0' * 26}/dismiss"),
    ("POST", f"/runs/{'0' * 26}/events/paid"),
    ("POST", f"/runs/{'0' * 26}/decisions/pay"),
    ("GET", f"/runs/{'0' * 26}/approvals"),
    ("POST", f"/runs/{'0' * 26}/approvals/ask"),
    ("POST", f"/runs/{'0' * 26}/replay"),
    ("POST", f"/runs/{'0' * 26}/retry"),
    ("GET", "/runs/recent"),
    ("GET", "/components"),
    ("GET", "/components/html"),
    ("GET", "/components/html/versions"),
    ("GET", "/credentials"),
    ("GET", "/credentials/uses"),
    ("PUT", "/credentials/crm"),
    ("DELETE", "/credentials/crm"),
    ("GET", "/keys"),
    ("POST", "/keys"),
    ("DELETE", "/keys/tell"),
    ("POST", "/session/links"),
    ("GET", "/sessions"),
    ("DELETE", "/sessions"),
    ("DELETE", "/sessions/none"),
    ("GET", "/stores"),
    ("DELETE", "/stores"),
    *((method, "/stores/shared/s") for method in ("GET", "DELETE")),
    ("PUT", "/stores/shared/s/entries"),
    *((method, "/stores/shared/s/entry") for method in ("GET", "PUT", "DELETE")),
]
APPROVAL = "/approvals/{run_id}/{ticket}"
OPEN = {
    "/health",
    "/",
    "/console",
    "/session",
    "/webhooks/{token}/trigger",
    APPROVAL,
    f"/accounts/{{account}}{APPROVAL}",
}


def test_these_are_all_management_routes() -> None:
    routes = [
        route for route in build_app(OwnerAccess(build_bench({}).service, API_KEY)).routes if isinstance(route, Route)
    ]
    known = {(method, route.path) for route in routes for method in route.methods or () if method != "HEAD"}
    names = {
        FIRST_TOKEN: "{token}",
        "/named/tell": "/named/{name}",
        "/schedules/tell": "/schedules/{name}",
        "/keys/tell": "/keys/{name}",
        "/sessions/none": "/sessions/{id}",
        "/credentials/crm": "/credentials/{name}",
        "/components/html": "/components/{id}",
        "0" * 26: "{run_id}",
    }
    names |= {"/versions/1": "/versions/{version}", "/events/paid": "/events/{event}"}
    names |= {f"/{kind}": f"/{kind.partition('/')[0]}/{{node:path}}" for kind in ("decisions/pay", "approvals/ask")}
    names |= {"/attachments/7": "/attachments/{number}", "/shared/s": "/{kind}/{name}"}
    listed = {
        (method, functools.reduce(lambda text, name: text.replace(*name), names.items(), path))
        for method, path in ROUTES
    }
    assert {(method, path) for method, path in known if path not in OPEN} == listed


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="no key"),
        pytest.param([(b"x-arcrun-api-key", b"wrong")], id="wrong key"),
        pytest.param([(b"authorization", b"Bearer wrong")], id="wrong bearer"),
        pytest.param([(b"x-arcrun-api-key", "schlüssel".encode())], id="key beyond ASCII"),
    ],
)
async def test_management_without_the_key(method: str, path: str, headers: list[tuple[bytes, bytes]]) -> None:
    bench = build_bench(SCRIPT)
    await bench.service.push(FLOW, ADA)
    keys = bench.kv.keys
    bench.kv.reads.clear()
    bench.kv.writes.clear()
    async with build_client(bench.service, headers={}) as client:
        response = await client.request(method, path, headers=headers, json={"workflow": FLOW})
    assert (response.status_code, read_error(response)) == (401, UNAUTHORIZED)
    assert (bench.runner.calls, bench.kv.reads, bench.kv.writes, bench.kv.keys) == ([], [], [], keys)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_management_of_a_worker_without_a_key(method: str, path: str) -> None:
    async with build_client(build_bench(SCRIPT).service, api_key=None) as client:
        response = await client.request(method, path, json={"workflow": FLOW})
    assert (response.status_code, read_error(response)["code"]) == (503, "NOT_CONFIGURED")


async def test_the_key_may_come_as_bearer() -> None:
    headers = {"authorization": f"Bearer {API_KEY}"}
    async with build_client(build_bench(SCRIPT).service, headers=headers) as client:
        response = await client.post("/execute", json={"component": "echo"})
    assert response.status_code == 200


async def test_a_push_answers_where_the_webhook_is() -> None:
    response = await post("/webhooks?x=1", {"workflow": FLOW})
    body = response.json()
    token = body["data"]["token"]
    assert response.status_code == 201
    assert body == {
        "success": True,
        "data": {
            "name": "tell",
            "version": 1,
            "token": token,
            "webhook_url": f"https://executor.test/webhooks/{token}/trigger",
            "updated_at": "2026-09-21T14:13:20.000Z",
            "changed": True,
            "rewritten": False,
            "diff": {"added": ["echo"], "removed": [], "changed": []},
            "diagnostics": [],
        },
    }
    assert len(token) == 32


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b'{"text": "hi"}', {"text": "hi"}, id="object"),
        pytest.param(b"", {}, id="nothing"),
        pytest.param(b"[1]", {}, id="list"),
        pytest.param(b'"text"', {}, id="text"),
    ],
)
async def test_a_webhook_runs_its_workflow_without_a_key(body: bytes, expected: Any) -> None:
    bench = build_bench(SCRIPT)
    pushed = (await post("/webhooks", {"workflow": FLOW}, bench)).json()["data"]
    async with build_client(bench.service, headers={}) as client:
        response = await client.post(pushed["webhook_url"], content=body)
    assert (response.status_code, response.json()["data"]) == (200, expected)


async def test_a_webhook_works_on_a_worker_without_a_key() -> None:
    bench = build_bench(SCRIPT)
    pushed = (await post("/webhooks", {"workflow": FLOW}, bench)).json()["data"]
    async with build_client(bench.service, api_key=None, headers={}) as client:
        response = await client.post(pushed["webhook_url"])
    assert response.status_code == 200


async def test_a_workflow_is_triggered_by_its_name() -> None:
    bench = build_bench(SCRIPT)
    await post("/webhooks", {"workflow": FLOW}, bench)
    response = await post("/webhooks/named/tell/trigger", {"text": "hi"}, bench)
    assert (response.status_code, response.json()["data"]) == (200, {"text": "hi"})


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(TOKEN, id="unknown"),
        pytest.param("0" * 31, id="too short"),
        pytest.param("0" * 600, id="longer than a key can be"),
        pytest.param("%F0%9F%98%80" * 32, id="32 characters beyond ASCII"),
        pytest.param("named", id="a word of another route"),
    ],
)
async def test_a_token_that_nobody_has(token: str) -> None:
    response = await post(f"/webhooks/{token}/trigger", {})
    error = read_error(response)
    assert (response.status_code, error["code"]) == (404, "WEBHOOK_NOT_FOUND")
    assert (error["message"], error["details"]) == ("There is no such webhook.", {})
    assert token not in response.text


@pytest.mark.parametrize(
    "name", [pytest.param("nobody", id="unknown"), pytest.param("n" * 600, id="longer than a key can be")]
)
async def test_a_name_that_nobody_has(name: str) -> None:
    response = await post(f"/webhooks/named/{name}/trigger", {})
    error = read_error(response)
    assert (response.status_code, error["code"]) == (404, "WORKFLOW_NOT_FOUND")
    assert error["details"] == {"workflow": name}


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/execute/x", "/webhooks/a/b/c/trigger", "/webhooks/named/a/b/trigger"]
)
async def test_an_unknown_route(path: str) -> None:
    response = await post(path, {})
    assert (response.status_code, read_error(response)["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/health"),
        ("GET", "/execute"),
        ("DELETE", "/webhooks"),
        ("POST", f"/webhooks/{TOKEN}"),
        ("PUT", "/webhooks/named/tell/trigger"),
    ],
)
async def test_a_wrong_method(method: str, path: str) -> None:
    response = await send(method, path)
    assert (response.status_code, read_error(response)["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] != ""


async def test_a_fault_is_a_500_of_the_same_shape() -> None:
    def fault(_stdin: str) -> Any:
        raise ZeroDivisionError("secret")

    response = await post("/execute", {"component": "echo"}, build_bench({"echo": fault}))
    assert (response.status_code, read_error(response)) == (500, INTERNAL)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"component": "x" * 2_000}, id="component longer than a key can be"),
        pytest.param({"component": "\ud800"}, id="component that is half a surrogate pair"),
        pytest.param({"\ud800": 1}, id="key that is half a surrogate pair"),
        pytest.param({"component": "echo", "input": {"text": "\ud800"}}, id="input with half a surrogate pair"),
        pytest.param({"component": "echo", "input": {"n": float("nan")}}, id="input with NaN"),
        pytest.param({"workflow": FLOW, "input": {"text": "\ud800"}}, id="workflow's input with half a pair"),
        pytest.param({"workflow": {"name": "\ud800", "flow": []}}, id="workflow's name that is half a pair"),
        pytest.param(
            {"workflow": "name: w\nflow: [input >> PIPE >> echo]\nconfig: {echo: {text: 2026-11-01}}"}, id="date"
        ),
    ],
)
async def test_no_request_is_a_fault(body: Any) -> None:
    response = await send("POST", "/execute", content=json.dumps(body).encode())
    assert response.status_code in (200, 400, 404, 422)
    assert response.json()["success"] == (response.status_code == 200)


@pytest.mark.parametrize(
    "stdout", ['{"n": NaN}', '{"n": 1e999}', '"\\ud800"', '{"success": false, "error": "\\ud800"}']
)
async def test_no_output_of_a_component_is_a_fault(stdout: str) -> None:
    for body in ({"component": "odd"}, {"workflow": {"name": "w", "flow": ["input >> PIPE >> odd"]}}):
        response = await post("/execute", body, build_bench({"odd": exited(stdout)}))
        assert response.status_code in (200, 422, 502)


@pytest.mark.parametrize("depth", [100, 200, 300, 400, 600, 800, 900, 950, 5_000])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param('{"component": "echo", "input": {"text": ', "}}", id="component's input"),
        pytest.param(
            '{"workflow": {"name": "w", "flow": ["input >> PIPE >> echo"]}, "input": {"text": ', "}}", id="run's input"
        ),
        pytest.param(
            '{"workflow": {"name": "w", "flow": ["input >> PIPE >> echo"], "config": {"echo": {"text": ',
            "}}}}",
            id="config",
        ),
    ],
)
async def test_no_depth_is_a_fault(before: str, after: str, depth: int) -> None:
    content = before + "[" * depth + "]" * depth + after
    response = await send("POST", "/execute", content=content.encode())
    assert response.status_code in (200, 400, 422, 502)
