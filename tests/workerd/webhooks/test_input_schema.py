"""Proves on real workerd that an input is checked by its workflow's input_schema before anything runs, with every
finding; and that a schema that cannot be used is refused at push.
"""

from typing import Any

import httpx
import pytest

from workerd.engine.test_engine import execute, push
from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd

SCHEMA = {
    "type": "object",
    "required": ["email", "plan"],
    "properties": {
        "email": {"type": "string", "pattern": "^[^@]+@[^@]+$"},
        "plan": {"enum": ["free", "paid"]},
        "seats": {"type": "integer", "minimum": 1},
    },
    "additionalProperties": False,
}
SIGNUP = {
    "flow": ["input >> PIPE >> show"],
    "config": {
        "show": {"component": "set", "values": {"to": "{{input.email}}", "seats": "{{input.seats | default(1)}}"}}
    },
}
WRONG = {"email": "x", "plan": "gold", "seats": 0, "more": 1}
FINDINGS = {"email", "plan", "seats", "more"}


def count_runs(platform: LocalPlatform, name: str) -> int:
    with platform.executor as client:
        return len(client.get(f"/runs?workflow={name}").raise_for_status().json()["data"]["runs"])


def assert_refused(response: httpx.Response) -> None:
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, "INVALID_INPUT")
    assert {finding["field"] for finding in error["details"]["findings"]} == FINDINGS
    assert all(finding["message"] for finding in error["details"]["findings"])


def test_an_input_that_does_not_fit_starts_no_run(platform: LocalPlatform) -> None:
    token = push(platform, "signup", input_schema=SCHEMA, **SIGNUP)["token"]
    webhook = f"/webhooks/{token}/trigger"
    with platform.executor as client:
        assert_refused(client.post(webhook, json=WRONG))
        assert_refused(client.post(f"{webhook}?async=1", json=WRONG))
        assert_refused(client.post(webhook, json=WRONG, headers={"x-arcrun-api-key": ""}))
        assert_refused(client.post("/webhooks/named/signup/trigger", json=WRONG))
        assert_refused(
            client.post("/execute", json={"workflow": {"name": "w", "input_schema": SCHEMA, **SIGNUP}, "input": WRONG})
        )
        form = client.post(webhook, data={"email": "a@b.example", "plan": "free"})
        assert (form.status_code, form.json()["data"]) == (200, {"to": "a@b.example", "seats": 1})
        fits = client.post(webhook, json={"email": "a@b.example", "plan": "paid", "seats": 3})
        assert (fits.status_code, fits.json()["data"]) == (200, {"to": "a@b.example", "seats": 3})
        run_id = fits.json()["run_id"]
        assert client.post(f"{webhook}?async=1", json={"email": "a@b.example", "plan": "free"}).status_code == 202
        for _ in range(200):
            if client.get(f"/runs/{run_id}").status_code == 200 and count_runs(platform, "signup") == 3:
                break
    assert count_runs(platform, "signup") == 3


def test_a_called_workflow_checks_its_input(platform: LocalPlatform) -> None:
    push(platform, "signup_inner", input_schema=SCHEMA, **SIGNUP)
    flow = ["input >> CALLS_SUBFLOW >> signup_inner", "signup_inner >> ON_FAIL >> told"]
    told = {"component": "set", "values": {"code": "{{signup_inner.error.code}}"}}
    answer = execute(platform, {"flow": flow, "config": {"told": told}}, WRONG)
    assert answer["data"] == {"code": "INVALID_INPUT"}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"properties": {"a": {"pattern": "("}}}, id="a pattern"),
        pytest.param({"required": "a"}, id="a value of the wrong type"),
        pytest.param({"$ref": "#/$defs/nowhere"}, id="a reference to nothing"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_at_push(platform: LocalPlatform, schema: dict[str, Any]) -> None:
    with platform.executor as client:
        body = {"workflow": {"name": "wrong_schema", "input_schema": schema, "flow": ["input >> PIPE >> set"]}}
        response = client.post("/webhooks", json=body)
    codes = [it["code"] for it in response.json()["error"]["details"]["diagnostics"]]
    assert (response.status_code, "INVALID_INPUT_SCHEMA" in codes) == (422, True)
