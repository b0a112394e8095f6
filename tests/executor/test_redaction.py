"""Proves that a secret reaches only the component: a canary is in no answer, record or verdict, whatever the component
does with it.
"""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from arcrun.run_log.filter import RunFilter
from arcrun.wasm.abi import Execution
from fakes.components import echo, exited, trapped
from fakes.executor import Bench, build_bench, build_client, upload_component
from fakes.modules import build_module
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

CANARY = 'c4n4ry/s3cret+"quoted" 密碼'
FORMS = [
    CANARY,
    json.dumps(CANARY)[1:-1],
    json.dumps(CANARY, ensure_ascii=False)[1:-1],
    quote(CANARY, safe=""),
    base64.b64encode(CANARY.encode()).decode().rstrip("="),
]
NEEDED = {"key": "canary", "inject_as": "token", "description": "A token", "help_url": "https://e.test"}
SOURCE: dict[str, Any] = {"name": "w", "flow": ["input >> PIPE >> leak"]}
CONFIGS = {
    "the contract": {"component": "leak@v2"},
    "a mapped name": {"component": "leak@v2", "credentials": {"canary": "mapped"}},
    "a template": {"component": "leak@v3", "token": "{{credential.canary}}"},
    "a template in a text": {"component": "leak@v3", "token": "Bearer {{creds.canary}}"},
}


def token_in(stdin: str) -> str:
    token: str = json.loads(stdin)["token"]
    return token


def encoded(stdin: str) -> Execution:
    token = token_in(stdin)
    data = [quote(token, safe=""), base64.b64encode(token.encode()).decode(), json.dumps(token), {token: token}]
    return exited({"success": True, "data": data}, stderr=token)


def failing(stdin: str) -> Execution:
    token = token_in(stdin)
    return exited(
        {"success": False, "error": {"code": token, "message": f"bad {token}", "hint": [token]}}, stderr=token
    )


BEHAVIOURS: dict[str, Callable[[str], Execution]] = {
    "answers its input": echo,
    "answers it encoded": encoded,
    "answers it bare": lambda stdin: exited(json.loads(stdin)),
    "fails with it": failing,
    "fails with it as a text": lambda stdin: exited({"success": False, "error": token_in(stdin)}),
    "traps with it": lambda stdin: trapped(f"unreachable: {token_in(stdin)}"),
    "exits and prints its input": lambda stdin: exited("", exit_code=3, stderr=stdin),
    "prints its input and no JSON": lambda stdin: exited(stdin[:-1], stderr=stdin),
}


async def execute(bench: Bench, source: Any) -> httpx.Response:
    return await post(bench, "/execute?trace=1", {"workflow": source, "input": {"list": [1, 2]}})


async def trigger(bench: Bench, source: Any) -> httpx.Response:
    token = (await bench.service.push(source, ADA)).stored.token
    return await post(bench, f"/webhooks/{token}/trigger", {"list": [1, 2]})


async def trigger_async(bench: Bench, source: Any) -> httpx.Response:
    token = (await bench.service.push(source, ADA)).stored.token
    return await post(bench, f"/webhooks/{token}/trigger?async=1", {"list": [1, 2]})


async def post(bench: Bench, path: str, body: Any) -> httpx.Response:
    async with build_client(bench.service) as client:
        return await client.post(path, json=body)


WAYS = {"execute": execute, "webhook": trigger, "async webhook": trigger_async}


def bench_of(behaviour: str) -> Bench:
    bench = build_bench({"leak": BEHAVIOURS[behaviour], "echo": echo})
    upload_component(bench.bucket, "leak@v2", build_module(), version="v2", credentials_required=[NEEDED])
    upload_component(bench.bucket, "leak@v3", build_module(), version="v3", input_schema={"type": "object"})
    for name in ("canary", "mapped"):
        bench.store_credential(name, CANARY)
    return bench


async def everything_seen(bench: Bench, response: httpx.Response) -> str:
    """The answer and everything stored about its run, as a string."""
    await bench.background.finish()
    assert (await bench.service.runs.list(RunFilter(), 10, None))[0]
    return "\n".join([response.text, bench.logs.stored, str(bench.kv.keys)])


def forms_in(text: str) -> list[str]:
    return [form for form in FORMS if form in text]


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
async def test_a_secret_leaves_no_run(behaviour: str, way: Any, config: dict[str, Any]) -> None:
    bench = bench_of(behaviour)
    response = await way(bench, {**SOURCE, "config": {"leak": config}})
    seen = await everything_seen(bench, response)
    assert [CANARY in json.loads(stdin)["token"] for _, stdin in bench.runner.calls] == [True]
    assert forms_in(seen) == []
    assert '"status"' in seen


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
async def test_a_secret_leaves_no_component_that_is_run_on_its_own(behaviour: str) -> None:
    bench = bench_of(behaviour)
    response = await post(bench, "/execute", {"component": "leak@v2", "input": {}})
    assert [token_in(stdin) for _, stdin in bench.runner.calls] == [CANARY]
    assert forms_in(response.text) == []


LEAK: dict[str, Any] = {"leak": CONFIGS["the contract"]}
SHAPES: dict[str, dict[str, Any]] = {
    "a handled failure": {
        "flow": ["input >> PIPE >> leak", "leak >> ON_FAIL >> echo", "leak >> PIPE >> echo"],
        "config": {**LEAK, "echo": {"text": "{{leak.error.message?}} {{leak.data?}}"}},
    },
    "a loop": {"flow": ["input >> FOREACH x IN input.list >> leak"], "config": LEAK},
    "a loop that goes on": {
        "flow": ["input >> FOREACH x IN input.list >> leak"],
        "config": {**LEAK, "input": {"foreach": {"on_error": "continue"}}},
    },
    "a retry": {
        "flow": ["input >> PIPE >> leak"],
        "config": {"leak": {**LEAK["leak"], "retry": {"max_attempts": 2}}},
    },
    "a sub-workflow": {"flow": ["input >> SUBFLOW >> inner"]},
    "a node after it": {
        "flow": ["input >> PIPE >> leak", "leak >> PIPE >> echo"],
        "config": {**LEAK, "echo": {"text": "{{leak.data}}!"}},
    },
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
async def test_a_secret_leaves_no_shape_of_a_flow(behaviour: str, shape: dict[str, Any]) -> None:
    bench = bench_of(behaviour)
    await bench.service.push({**SOURCE, "name": "inner", "config": LEAK}, ADA)
    response = await trigger(bench, {"name": "w", **shape})
    assert CANARY in {token_in(stdin) for component, stdin in bench.runner.calls if component.id == "leak"}
    assert forms_in(await everything_seen(bench, response)) == []


async def test_a_record_shows_where_a_secret_went() -> None:
    bench = bench_of("answers its input")
    config = {"leak": {"component": "leak@v3", "token": "Bearer {{credential.canary}}"}}
    response = await execute(bench, {**SOURCE, "config": config})
    [entry] = response.json()["trace"]
    assert entry["input"]["token"] == "Bearer {{credential.canary}}"
    assert response.json()["data"]["token"] == "Bearer [REDACTED]"


async def test_a_missing_credential_fails_the_node_and_names_it() -> None:
    bench = build_bench({"leak": echo})
    config = {"leak": {"text": "{{credential.canary}}"}}
    response = await execute(bench, {**SOURCE, "config": config})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, "CREDENTIAL_MISSING")
    assert error["details"] == {"key": "canary", "node": "leak"}
    assert bench.runner.calls == []


LONG_CANARY = "".join(f"{i:03}Z" for i in range(500))
PIECES = [LONG_CANARY[i : i + 12] for i in range(0, len(LONG_CANARY), 12)]


@pytest.mark.parametrize(
    ("behaviour", "source"),
    [
        pytest.param(
            "answers its input",
            {**SOURCE, "config": {"leak": {"component": "leak@v4"}}},
            id="an input that does not fit",
        ),
        pytest.param(
            "answers its input",
            {
                "name": "w",
                "flow": ["input >> PIPE >> leak", "leak >> IF(abs(leak.data.token) == `1`) >> output"],
                "config": {"leak": CONFIGS["a template"]},
            },
            id="an expression that fails",
        ),
        pytest.param(
            "exits and prints its input", {**SOURCE, "config": {"leak": CONFIGS["a template"]}}, id="a long log"
        ),
        pytest.param("fails with it", {**SOURCE, "config": {"leak": CONFIGS["a template"]}}, id="a long error"),
        pytest.param("answers its input", {**SOURCE, "config": {"leak": CONFIGS["a template"]}}, id="a long answer"),
    ],
)
async def test_no_text_is_cut_before_it_is_scrubbed(behaviour: str, source: dict[str, Any]) -> None:
    """A truncated secret could not be recognized."""
    bench = bench_of(behaviour)
    schema = {"type": "object", "properties": {"token": {"type": "string", "maxLength": 10}}}
    more = {"version": "v4", "input_schema": schema, "credentials_required": [NEEDED]}
    upload_component(bench.bucket, "leak@v4", build_module(), **more)
    bench.store_credential("canary", LONG_CANARY)
    seen = await everything_seen(bench, await trigger(bench, source))
    assert [piece for piece in PIECES if piece in seen] == []


@pytest.mark.parametrize(
    "secret", ["success", "message", "details", "retriable", "next_actions", "leak@v2", "duration_ms"]
)
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
async def test_what_arcrun_writes_itself_stays_though_a_secret_has_its_text(behaviour: str, secret: str) -> None:
    bench = bench_of(behaviour)
    bench.store_credential("canary", secret)
    answer = await execute(bench, {**SOURCE, "config": LEAK})
    body = answer.json()
    [entry] = body["trace"]
    assert {"success", "run_id", "duration_ms", "trace"} <= body.keys()
    assert {"node", "component", "status", "attempts", "start_ms", "duration_ms", "input"} <= entry.keys()
    assert entry["node"] == "leak"
    for error in [part["error"] for part in (body, entry) if "error" in part]:
        assert error.keys() == {"code", "message", "retriable", "next_actions", "details"}
        assert error["details"]["node"] == "leak"
    if "output" in entry:
        assert "success" in entry["output"]
    direct = await post(bench, "/execute", {"component": "leak@v2", "input": {}})
    assert "success" in direct.json()


async def test_a_node_keeps_its_name_though_a_secret_has_its_text() -> None:
    bench = bench_of("fails with it")
    bench.store_credential("canary", "telegram")
    flow = {"name": "w", "flow": ["input >> PIPE >> telegram"], "config": {"telegram": CONFIGS["the contract"]}}
    body = (await execute(bench, flow)).json()
    assert body["error"]["details"]["node"] == body["trace"][0]["node"] == "telegram"
    assert "telegram" not in body["error"]["message"]
