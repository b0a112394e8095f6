"""Proves what each caller of each Worker's routes sees: without a key, with a wrong key, and the owner.

The tables name every route. Each node, record, version, credential, component and account contains a canary, which is
only in answers to the owner.
"""

import functools
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from executor.access import OwnerAccess
from executor.app import build_app
from fakes.auth import EMAIL
from fakes.auth import Bench as AuthBench
from fakes.components import echo, exited
from fakes.executor import API_KEY, build_bench
from fakes.ports.storage import InMemoryKV
from fakes.registry import OWNER_KEY, RegistryBench
from fixtures.bad_components import GOOD
from fixtures.modules import build_contract, build_module

pytestmark = pytest.mark.anyio

CANARY = "canary"
WRONG = "wrong-key-0123456789"
Row = tuple[str, str, Any, tuple[int, int, int]]  # method, path, body, status for no key, a wrong key, the owner

CONFIG = {"inner": {"component": "echo", "text": "canary-config {{input.text}} {{credential.secret}}"}}
FLOW = {"name": "w", "description": "canary-source", "flow": ["input >> PIPE >> inner", "inner >> PIPE >> last"]}
WORKFLOW = {**FLOW, "config": {**CONFIG, "last": {"component": "echo", "text": "said"}}}
FAILING = {**FLOW, "name": "failing", "config": {**CONFIG, "last": {"component": "fails"}}}
REFUSED = (401, 401)
EXECUTOR: list[Row] = [
    ("GET", "/health", None, (200, 200, 200)),
    ("POST", "/webhooks/{token}/trigger", {"text": "canary-input"}, (200, 200, 200)),
    ("POST", "/webhooks/{failing}/trigger", {"text": "canary-input"}, (500, 500, 422)),
    ("POST", "/webhooks/{token}/trigger?async=1", {"text": "canary-input"}, (202, 202, 202)),
    ("POST", "/webhooks/{unknown}/trigger", {"text": "canary-input"}, (404, 404, 404)),
    ("POST", "/execute", {"workflow": WORKFLOW, "input": {"text": "canary-input"}}, (*REFUSED, 200)),
    ("POST", "/validate", {"workflow": WORKFLOW}, (*REFUSED, 200)),
    ("POST", "/webhooks/named/{name}/trigger", {"text": "canary-input"}, (*REFUSED, 200)),
    ("GET", "/schedules", None, (*REFUSED, 200)),
    ("GET", "/schedules/{name}", None, (*REFUSED, 200)),
    ("POST", "/schedules/{name}/pause", None, (*REFUSED, 404)),
    ("POST", "/schedules/{name}/resume", None, (*REFUSED, 404)),
    ("POST", "/schedules/{name}/run", None, (*REFUSED, 404)),
    ("GET", "/schedules/{name}/seen", None, (*REFUSED, 404)),
    ("PUT", "/schedules/{name}/seen", {"watch": "w", "polled": True, "keys": []}, (*REFUSED, 404)),
    ("GET", "/plan", None, (*REFUSED, 200)),
    ("GET", "/checks", None, (*REFUSED, 200)),
    ("GET", "/usage", None, (*REFUSED, 200)),
    ("POST", "/data-keys/renew", None, (*REFUSED, 200)),
    ("GET", "/runs", None, (*REFUSED, 200)),
    ("GET", "/runs/{run_id}", None, (*REFUSED, 200)),
    ("GET", "/runs/{run_id}/input", None, (*REFUSED, 200)),
    ("GET", "/runs/{run_id}/attachments/7", None, (*REFUSED, 404)),
    ("POST", "/runs/{run_id}/cancel", None, (*REFUSED, 409)),
    ("POST", "/runs/{run_id}/dismiss", None, (*REFUSED, 409)),
    ("GET", "/runs/{run_id}/follow", None, (*REFUSED, 400)),
    ("GET", "/runs/unsettled", None, (*REFUSED, 200)),
    ("POST", "/runs/{run_id}/events/paid", {"canary": 1}, (*REFUSED, 503)),
    ("POST", "/runs/{run_id}/decisions/pay", {"decision": "retry"}, (*REFUSED, 409)),
    ("GET", "/runs/{run_id}/approvals", None, (*REFUSED, 200)),
    ("POST", "/runs/{run_id}/approvals/pay", {"choice": "approve"}, (*REFUSED, 409)),
    ("GET", "/approvals/{run_id}/ticket", None, (404, 404, 404)),
    ("POST", "/approvals/{run_id}/ticket", None, (404, 404, 404)),
    ("GET", "/accounts/{account}/approvals/{run_id}/ticket", None, (404, 404, 404)),
    ("POST", "/accounts/{account}/approvals/{run_id}/ticket", None, (404, 404, 404)),
    ("POST", "/runs/{run_id}/replay", None, (*REFUSED, 422)),
    ("POST", "/runs/{run_id}/retry", None, (*REFUSED, 422)),
    ("POST", "/runs/resume", None, (*REFUSED, 200)),
    ("POST", "/audit", {"action": "credential.put", "subjects": ["canary_name"]}, (*REFUSED, 201)),
    ("GET", "/audit", None, (*REFUSED, 200)),
    ("GET", "/webhooks", None, (*REFUSED, 200)),
    ("POST", "/webhooks", {"workflow": WORKFLOW}, (*REFUSED, 200)),
    ("GET", "/webhooks/{token}", None, (*REFUSED, 200)),
    ("GET", "/webhooks/named/{name}", None, (*REFUSED, 200)),
    ("GET", "/webhooks/named/{name}/versions/{version}", None, (*REFUSED, 200)),
    ("PUT", "/webhooks/{token}", {"workflow": WORKFLOW}, (*REFUSED, 200)),
    ("POST", "/webhooks/named/{name}/pause", {}, (*REFUSED, 200)),
    ("POST", "/webhooks/named/{name}/resume", None, (*REFUSED, 200)),
    ("POST", "/webhooks/pause", {}, (*REFUSED, 200)),
    ("POST", "/webhooks/resume", None, (*REFUSED, 200)),
    ("POST", "/webhooks/named/{name}/rollback", {"version": 1}, (*REFUSED, 200)),
    ("POST", "/webhooks/{token}/rotate", None, (*REFUSED, 200)),
    ("DELETE", "/webhooks/{failing}", None, (*REFUSED, 200)),
    ("PUT", "/stores/shared/canary/entry?key=a", {"value": "canary-value"}, (*REFUSED, 200)),
    ("GET", "/stores/shared/canary/entry?key=a", None, (*REFUSED, 200)),
    ("GET", "/stores/shared/canary", None, (*REFUSED, 200)),
    ("GET", "/stores", None, (*REFUSED, 200)),
    ("DELETE", "/stores/shared/canary/entry?key=a", None, (*REFUSED, 200)),
    ("DELETE", "/stores/shared/canary", None, (*REFUSED, 200)),
    ("PUT", "/stores/shared/canary/entries", {"entries": []}, (*REFUSED, 400)),
    ("DELETE", "/stores?all=1", None, (*REFUSED, 200)),
    ("POST", "/credentials/secret/try", {}, (*REFUSED, 200)),
    ("GET", "/console", None, (308, 308, 308)),
    ("GET", "/runs/recent", None, (*REFUSED, 200)),
    ("GET", "/components", None, (*REFUSED, 200)),
    ("GET", "/components/html", None, (*REFUSED, 200)),
    ("GET", "/components/html/versions", None, (*REFUSED, 200)),
    ("GET", "/credentials", None, (*REFUSED, 200)),
    ("GET", "/credentials/uses", None, (*REFUSED, 200)),
    ("PUT", "/credentials/secret", {"value": "canary"}, (*REFUSED, 200)),
    ("DELETE", "/credentials/secret", None, (*REFUSED, 200)),
    ("POST", "/keys", {"name": "canary", "can": "read"}, (*REFUSED, 201)),
    ("GET", "/keys", None, (*REFUSED, 200)),
    ("DELETE", "/keys/{key}", None, (*REFUSED, 200)),
    ("GET", "/session", None, (*REFUSED, 401)),  # no key counts there, but the session of a cookie
    ("POST", "/session", {"key": "canary"}, (*REFUSED, 401)),
    ("DELETE", "/session", None, (*REFUSED, 401)),
    ("POST", "/session/links", {}, (*REFUSED, 201)),
    ("GET", "/sessions", None, (*REFUSED, 200)),
    ("DELETE", "/sessions", None, (*REFUSED, 200)),
    ("DELETE", "/sessions/{session}", None, (*REFUSED, 404)),
]
REGISTRY: list[Row] = [
    ("GET", "/health", None, (200, 200, 200)),
    ("GET", "/components", None, (*REFUSED, 200)),
    ("GET", "/components/{component}", None, (*REFUSED, 200)),
    ("GET", "/components/{component}/versions", None, (*REFUSED, 200)),
    ("GET", "/components/{component}/module", None, (*REFUSED, 200)),
    ("POST", "/submit", {"canary": 1}, (*REFUSED, 400)),
    ("GET", "/submit/key", None, (*REFUSED, 200)),
    ("GET", "/submit/{submission_id}", None, (*REFUSED, 200)),
    ("PATCH", "/submit/{submission_id}/approve", {}, (*REFUSED, 403)),
    ("PATCH", "/submit/{submission_id}/reject", {"reason": "canary"}, (*REFUSED, 403)),
    ("POST", "/analytics/record", {"records": []}, (*REFUSED, 200)),
    ("GET", "/analytics", None, (*REFUSED, 200)),
]
AUTH: list[Row] = [
    ("GET", "/health", None, (200, 200, 200)),
    ("POST", "/register", {"email": EMAIL}, (400, 400, 400)),
    ("GET", "/me", None, (*REFUSED, 200)),
    ("POST", "/me/api-key/rotate", None, (*REFUSED, 200)),
    ("DELETE", "/me", None, (*REFUSED, 200)),
]


def routes_of(app: Starlette) -> set[tuple[str, str]]:
    routes = [route for route in app.routes if isinstance(route, Route)]
    return {(method, route.path) for route in routes for method in route.methods or () if method != "HEAD"}


def path_of(row: str) -> str:
    """The route's path for a row's path."""
    names = {"{failing}": "{token}", "{unknown}": "{token}", "{component}": "{canonical_id}", "/paid": "/{event}"}
    names |= {"/attachments/7": "/attachments/{number}", "/ticket": "/{ticket}", "/pay": "/{node:path}"}
    names |= {"/sessions/{session}": "/sessions/{id}"}
    names |= {"/shared/canary": "/{kind}/{name}", "/keys/{key}": "/keys/{name}", "/secret": "/{name}", "/html": "/{id}"}
    return functools.reduce(lambda text, name: text.replace(*name), names.items(), row.partition("?")[0])


def client_of(app: Starlette, headers: Mapping[str, str]) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="https://arcrun.test", headers=headers)


async def check(app: Starlette, table: list[Row], known: Mapping[str, str], key: str) -> list[str]:
    """Send the table's requests in order, first without a key. Returns the owner's answers."""
    paths = {(method, path.partition("?")[0]) for method, path, _, _ in table}
    assert routes_of(app) == {(method, path_of(path)) for method, path in paths}
    owner_saw = []
    for method, path, body, statuses in table:
        seen = []
        for headers in ({}, {"x-arcrun-api-key": WRONG}, {"x-arcrun-api-key": key}):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="https://arcrun.test", headers=headers
            ) as client:
                answer = await client.request(method, path.format_map(known), json=body)
            seen.append(answer.status_code)
            text = answer.text + str(answer.headers)
            if headers.get("x-arcrun-api-key") == key:
                owner_saw.append(text)
            else:
                assert CANARY not in text.lower(), (method, path, headers, text)
                assert key not in text
        assert (method, path, tuple(seen)) == (method, path, statuses)
    return owner_saw


async def test_callers_of_the_executor() -> None:
    failure = {"success": False, "error": {"code": "CANARY_CODE", "message": "canary-error"}}
    bench = build_bench({"echo": echo, "fails": exited(failure, stderr="canary-log")})
    bench.store_credential("secret", "canary-secret")
    app, known = (
        build_app(OwnerAccess(bench.service, API_KEY)),
        {"name": "w", "unknown": "0" * 32, "version": "1", "account": "tn_1", "key": "canary", "session": "none"},
    )
    async with client_of(app, {"x-arcrun-api-key": API_KEY}) as client:
        for name, source in (("token", WORKFLOW), ("failing", FAILING)):
            known[name] = (await client.post("/webhooks", json={"workflow": source})).json()["data"]["token"]
        failed = await client.post(f"/webhooks/{known['failing']}/trigger", json={"text": "canary-input"})
        known["run_id"] = failed.json()["run_id"]
    await bench.background.finish()
    owner_saw = "".join(await check(app, EXECUTOR, known, API_KEY))
    await bench.background.finish()
    inside = [
        "canary-config",
        "canary-input",
        "canary-error",
        "canary-log",
        "canary-source",
        "canary_name",
        "canary-value",
    ]
    assert [text for text in inside if text not in owner_saw] == []  # the owner sees every canary
    assert "canary-secret" not in owner_saw


async def test_callers_of_the_registry() -> None:
    bench = RegistryBench()
    contract = build_contract("canary_part", description="canary-description")
    files = {"contract": json.dumps(contract).encode(), "wasm": build_module(GOOD)}
    async with bench.client() as client:
        submitted = (await client.post("/submit", files=files)).json()
        app: Any = client._transport.app  # type: ignore[attr-defined]
    known = {"component": "canary_part", "submission_id": submitted["data"]["submission_id"]}
    owner_saw = "".join(await check(app, REGISTRY, known, OWNER_KEY))
    assert "canary-description" in owner_saw
    bench.close()


async def test_callers_of_auth() -> None:
    bench = AuthBench(requests_a_minute=1_000, registrations_a_minute=1_000)
    key = await bench.register_key()
    owner_saw = "".join(await check(bench.app, AUTH, {}, key))
    assert (EMAIL in owner_saw, EMAIL.startswith(CANARY)) == (True, True)
    stored = await values_of(bench.kv)
    assert CANARY not in stored


async def values_of(kv: InMemoryKV) -> str:
    return "".join([await kv.get(key) or "" for key in kv.keys])
