"""A component in JavaScript on a hosted platform, on the real Workers.

Proves: an author submits it, the review passes it, and no tenant can use it before the reviewer has approved it; then
each tenant pushes and runs workflows with it, quick and durable ones, by name and by version, within the hosts of its
contract; nothing of one tenant's call is there in another's; a newer version leaves the one that is named as it is.
"""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.cloudflare_rest.api import CloudflareApiStandIn, served
from fixtures.serving import serving
from workerd.durable.soak import CountingServer
from workerd.hosted.test_tenants import TenantDesk, TwoTenants, build_desk
from workerd.hosted_platform import Hosted
from workerd.local_platform import ALICE_KEY, REVIEWER_KEY, LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

SOURCE = """\
export default async (input, ctx) => {
  const before = globalThis.kept ?? null;
  globalThis.kept = input.name;
  if (input.url) {
    const told = await ctx.http(input.url, { json: { name: input.name } });
    return { greeting: String(told.status), before };
  }
  return { greeting: `MARK, ${input.name}!`, before };
};
"""


def build_contract(version: str, mark: str) -> dict[str, Any]:
    name = {"type": "string"}
    return {
        "canonical_id": "salute",
        "display_name": "Salute",
        "description": "Greets a person, or tells a server of one.",
        "category": "data",
        "version": version,
        "runtime": "javascript",
        "stability": "stable",
        "author": "alice",
        "constraints": {
            "max_size_kb": 64,
            "max_cold_start_ms": 50,
            "io_model": "stdin_stdout_json",
            "no_network_syscall": False,
            "no_filesystem_syscall": True,
        },
        "allowed_hosts": ["127.0.0.1"],
        "input_schema": {"type": "object", "required": ["name"], "properties": {"name": name, "url": name}},
        "output_schema": {"type": "object", "properties": {"greeting": name, "before": {}}},
        "config_example": {"name": "Ada"},
        "credentials_required": [],
        "gherkin_tests": [
            {
                "scenario": f"greets {name}",
                "given": {"name": name},
                "then": {"success": True, "data": {"greeting": f"{mark}, {name}!", "before": None}},
            }
            for name in ("Ada", "Bob")
        ],
    }


def submit(platform: LocalPlatform, version: str, mark: str) -> str:
    """Hand it in as its author. Returns the submission's id, once every step of the review has passed."""
    contract = json.dumps(build_contract(version, mark)).encode()
    with platform.registry(ALICE_KEY) as alice:
        answer = alice.post(
            "/submit", files={"contract": contract, "javascript": SOURCE.replace("MARK", mark).encode()}
        )
    told = answer.json()
    assert told["success"], answer.text
    assert {step["status"] for step in told["data"]["steps"]} == {"passed"}
    return str(told["data"]["submission_id"])


def approve(platform: LocalPlatform, submission: str) -> None:
    with platform.registry(REVIEWER_KEY) as reviewer:
        assert reviewer.patch(f"/submit/{submission}/approve").status_code == 200


def build_flow(name: str, component: str, **more: Any) -> dict[str, Any]:
    given = {"component": component, "name": "{{input.name}}", "url": "{{input.url?}}"}
    return {"name": name, "flow": ["input >> PIPE >> greet"], "config": {"greet": given}, **more}


def run(two: TwoTenants, desk: TenantDesk, workflow: str, **value: Any) -> Any:
    answer = two.ask("POST", f"/webhooks/named/{workflow}/trigger?wait_ms=10000", desk, value).json()
    return answer["data"] if answer["success"] else answer["error"]["code"]


def push(two: TwoTenants, desk: TenantDesk, flow: dict[str, Any]) -> httpx.Response:
    return two.ask("POST", "/webhooks", desk, {"workflow": flow})


def test_a_component_in_javascript_from_its_author_to_tenants(tmp_path: Path) -> None:
    cloudflare = CloudflareApiStandIn()
    with served(cloudflare) as base_url, serving(CountingServer()) as server:
        a, b = (build_desk(cloudflare, letter, f"canary-secret-of-{letter}") for letter in "ab")
        with running_platform(tmp_path, CLOUDFLARE_API_BASE_URL=base_url, MULTI_TENANT="true") as platform:
            two = TwoTenants(Hosted(platform, cloudflare, base_url), a, b)
            for desk in (a, b):
                desk.api_key = two.register(desk)
            first = submit(platform, "v1", "Hello")
            refused = push(two, a, build_flow("quick", "salute"))
            assert (refused.status_code, "salute" in refused.text) == (422, True), refused.text
            approve(platform, first)
            for desk in (a, b):
                for flow in (
                    build_flow("quick", "salute"),
                    build_flow("pinned", "salute@v1"),
                    build_flow("lasting", "salute", durable=True),
                ):
                    assert push(two, desk, flow).status_code == 201
            for desk, name in ((a, "canary-of-a"), (b, "Bob"), (b, "Eve"), (a, "Ada")):
                for workflow in ("quick", "pinned", "lasting"):
                    assert run(two, desk, workflow, name=name) == {"greeting": f"Hello, {name}!", "before": None}
            assert run(two, a, "quick", name="Ada", url=f"{server.url}/greeted") == {"greeting": "200", "before": None}
            assert server.answered == {"/greeted": 1}
            assert run(two, a, "quick", name="Ada", url=f"http://localhost:{server.server_port}/") == "HOST_NOT_ALLOWED"
            second = submit(platform, "v2", "Good day")
            assert run(two, b, "quick", name="Bob")["greeting"] == "Hello, Bob!"
            approve(platform, second)
            assert push(two, b, build_flow("newer", "salute@v2")).status_code == 201
            assert run(two, b, "newer", name="Bob")["greeting"] == "Good day, Bob!"
            assert run(two, b, "pinned", name="Bob")["greeting"] == "Hello, Bob!"
            two.hosted.executor.close()
