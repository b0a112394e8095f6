"""Bad input on the real executor: the error shape of the design with the right status, no traceback, never a 500."""

from collections.abc import Iterator

import httpx
import pytest

from workerd.local_platform import API_KEY, LocalPlatform

pytestmark = pytest.mark.workerd

KEY = {"X-Arcrun-API-Key": API_KEY}
UNKNOWN_NODE = {"workflow": {"name": "x", "flow": ["input >> ON_SUCCESS >> nope"]}}


def chunks() -> Iterator[bytes]:
    """10 MB whose length is not announced."""
    yield from (b" " * 1_000_000 for _ in range(10))


CASES = [
    pytest.param("/execute", KEY, b"{not json", 400, "INVALID_JSON", id="body not JSON"),
    pytest.param("/execute", KEY, b"\xff\xfe", 400, "INVALID_JSON", id="body not UTF-8"),
    pytest.param("/execute", KEY, b"[" * 100_000, 400, "INVALID_JSON", id="body nested too deeply"),
    pytest.param("/execute", KEY, b" " * 10_000_000, 413, "PAYLOAD_TOO_LARGE", id="10 MB body"),
    pytest.param("/execute", KEY, None, 413, "PAYLOAD_TOO_LARGE", id="10 MB body in chunks"),
    pytest.param("/execute", KEY, b'{"component": "nope"}', 404, "COMPONENT_NOT_FOUND", id="unknown component"),
    pytest.param("/execute", KEY, b'{"component": "../x"}', 404, "COMPONENT_NOT_FOUND", id="a path as component"),
    pytest.param("/execute", KEY, b'{"component": 1}', 400, "INVALID_REQUEST", id="component not a text"),
    pytest.param("/execute", KEY, b'{"workflow": "a: [b"}', 422, "INVALID_WORKFLOW", id="workflow not YAML"),
    pytest.param("/execute", KEY, b'{"workflow": "x", "workflo": 1}', 400, "UNKNOWN_KEY", id="unknown key"),
    pytest.param("/execute", {"X-Arcrun-API-Key": "wrong"}, b"{}", 401, "UNAUTHORIZED", id="wrong key"),
    pytest.param("/execute", {}, b"{}", 401, "UNAUTHORIZED", id="no key"),
    pytest.param("/webhooks", {}, b"{}", 401, "UNAUTHORIZED", id="no key to push"),
    pytest.param("/webhooks/" + "0" * 32 + "/trigger", {}, b"{}", 404, "WEBHOOK_NOT_FOUND", id="unknown token"),
    pytest.param("/webhooks/short/trigger", {}, b"{}", 404, "WEBHOOK_NOT_FOUND", id="malformed token"),
    pytest.param("/webhooks/named/nope/trigger", KEY, b"{}", 404, "WORKFLOW_NOT_FOUND", id="unknown name"),
    pytest.param("/nowhere", KEY, b"{}", 404, "NOT_FOUND", id="unknown route"),
    pytest.param("/health", KEY, b"{}", 405, "METHOD_NOT_ALLOWED", id="wrong method"),
]


@pytest.mark.parametrize(("path", "headers", "body", "status", "code"), CASES)
def test_the_error_has_its_shape_and_status(
    platform: LocalPlatform, path: str, headers: dict[str, str], body: bytes | None, status: int, code: str
) -> None:
    url = platform.urls["executor"] + path
    answer = httpx.post(url, headers=headers, content=chunks() if body is None else body, timeout=60)
    assert (answer.status_code, answer.json()["success"]) == (status, False)
    assert set(answer.json()) == {"success", "error"}
    assert set(answer.json()["error"]) == {"code", "message", "retriable", "next_actions", "details"}
    assert answer.json()["error"]["code"] == code
    assert "Traceback" not in answer.text


def test_a_workflow_with_an_unknown_node_names_it(platform: LocalPlatform) -> None:
    with platform.executor as client:
        answer = client.post("/execute", json=UNKNOWN_NODE)
    finding = answer.json()["error"]["details"]["diagnostics"][0]
    assert (answer.status_code, finding["code"]) == (422, "UNKNOWN_COMPONENT")


def test_a_failing_run_carries_its_trace(platform: LocalPlatform) -> None:
    flow = ["input >> ON_SUCCESS >> a", "a >> ON_SUCCESS >> b"]
    node = {"component": "string_ops", "operation": "{{input.operation}}", "input": "x"}
    workflow = {"name": "x", "flow": flow, "config": {"a": node, "b": node}}
    with platform.executor as client:
        answer = client.post("/execute?trace=1", json={"workflow": workflow, "input": {"operation": "explode"}})
    body = answer.json()
    assert (answer.status_code, body["error"]["details"]["node"]) == (422, "a")
    assert [entry["status"] for entry in body["trace"]] == ["failed", "skipped"]


@pytest.mark.parametrize("service", ["executor", "registry", "auth"])
def test_every_service_is_healthy(platform: LocalPlatform, service: str) -> None:
    answer = httpx.get(f"{platform.urls[service]}/health").json()
    assert (answer["ok"], set(answer)) == (True, {"ok", "version"})
