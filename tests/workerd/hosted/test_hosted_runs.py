"""Proves on the real Workers that a tenant's accepted and durable runs survive a kill -9 of everything, and end; that
nothing of them lies in the clear on the operator's disk; and that they go with the tenant.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from executor.records.closing import AGAIN_MS
from fakes.cloudflare_rest.api import CloudflareApiStandIn, served
from fakes.ports.cipher import seal
from workerd.durable.soak import kill
from workerd.durable.test_at_rest import find
from workerd.hosted.test_tenants import SECRET_NAME, TenantDesk, TwoTenants, build_desk
from workerd.hosted_platform import Hosted
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

INPUT, PAYLOAD, NODE, NAME = "1nput-canary", "ev3nt-canary", "canary_node", "canary_flow"
LARGE = 1_200_000  # characters, more than a step's result may have
WORKFLOW: dict[str, Any] = {
    "name": NAME,
    "durable": True,
    "flow": [f"input >> PIPE >> {NODE}", f"{NODE} >> PIPE >> paid", "paid >> PIPE >> last"],
    "config": {
        NODE: {
            "component": "set",
            "values": {"text": f"{{{{input.text}}}} {{{{credential.{SECRET_NAME}}}}}", "filler": "{{input.filler}}"},
        },
        "paid": {"component": "wait_for", "event": "canary_event"},
        "last": {"component": "set", "values": {"payload": "{{paid.data.payload}}"}},
    },
}


QUICK = {"flow": ["input >> PIPE >> pause"], "config": {"pause": {"component": "wait", "ms": 500}}}


class Tenants:
    """Two tenants whose platform can be started again, at the same namespaces."""

    def __init__(self, cloudflare: CloudflareApiStandIn, base_url: str, folder: Path) -> None:
        self.cloudflare, self.base_url, self.folder = cloudflare, base_url, folder
        self.desks = {letter: build_desk(cloudflare, letter, f"canary-secret-of-{letter}") for letter in "ab"}

    def running(self, **limits: str) -> Any:
        limits = {"TENANT_BURST_REQUESTS": "400", **limits}
        return running_platform(self.folder, CLOUDFLARE_API_BASE_URL=self.base_url, MULTI_TENANT="true", **limits)

    def view(self, platform: LocalPlatform) -> TwoTenants:
        return TwoTenants(Hosted(platform, self.cloudflare, self.base_url), self.desks["a"], self.desks["b"])


@pytest.fixture
def tenants(tmp_path: Path) -> Iterator[Tenants]:
    cloudflare = CloudflareApiStandIn()
    with served(cloudflare) as base_url:
        yield Tenants(cloudflare, base_url, tmp_path)


def until_status(two: TwoTenants, desk: TenantDesk, run_id: str, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while (answer := two.ask("GET", f"/runs/{run_id}", desk)).json().get("data", {}).get("status") != status:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)
    record: dict[str, Any] = answer.json()["data"]
    return record


def list_blobs(platform: LocalPlatform) -> list[str]:
    answer = httpx.get(f"{platform.urls['cloudflare-api']}/r2/buckets/arcrun-components/objects", timeout=60)
    return [each["key"] for each in answer.raise_for_status().json()["result"] if each["key"].startswith("runs/")]


def read_logs(platform: LocalPlatform) -> dict[str, list[Any]]:
    """The rows of all the RunLog's objects, by table."""
    return read_objects(platform, "RunLog")


def read_objects(platform: LocalPlatform, kind: str) -> dict[str, list[Any]]:
    """The rows of all objects of a class, by table."""
    rows: dict[str, list[Any]] = {}
    for path in (platform.folder / "state" / "do" / f"arcrun-cypher-executor-{kind}").glob("*.sqlite"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                if not table.startswith(("_cf", "sqlite")):
                    rows[table] = [*rows.get(table, []), *database.execute(f"SELECT * FROM {table}").fetchall()]
    return rows


def test_durable_runs_of_tenants_last_are_sealed_and_go_with_them(tenants: Tenants) -> None:
    canaries = (INPUT, PAYLOAD, NODE, NAME, "canary_event", "canary-secret")
    with tenants.running() as platform:
        two, run_ids = tenants.view(platform), {}
        for letter, desk in tenants.desks.items():
            desk.api_key = two.register(desk)
            desk.kv.upload(f"cred:{SECRET_NAME}", seal(desk.data_key, SECRET_NAME, desk.secret))
            token = two.push(desk, WORKFLOW)
            accepted = two.trigger(token, {"text": f"{INPUT}-{letter}", "filler": "x" * LARGE})
            assert accepted.status_code == 202, accepted.text
            run_ids[letter] = accepted.json()["run_id"]
        for letter, desk in tenants.desks.items():
            until_waiting(two, desk, run_ids[letter])
        assert two.ask("GET", f"/runs/{run_ids['a']}", two.b).status_code == 404
        assert two.ask("POST", f"/runs/{run_ids['a']}/events/canary_event", two.b, 1).status_code == 404
        assert two.ask("POST", f"/runs/{run_ids['a']}/cancel", two.b).status_code == 404
        waiting = {text: find(platform, text) for text in canaries}
        token = two.push(two.b, {**QUICK, "name": "quick"})
        accepted = two.ask("POST", f"/webhooks/{token}/trigger?async=1", None, {}).json()["run_id"]
        two.hosted.executor.close()
        kill(platform)
    with tenants.running() as platform:
        two = tenants.view(platform)
        for desk in tenants.desks.values():
            assert two.ask("POST", "/runs/resume", desk).status_code == 200
        assert until_status(two, two.b, accepted, "success")["data"] == {"waited_ms": 500}
        sent = two.ask("POST", f"/runs/{run_ids['a']}/events/canary_event", two.a, {"text": PAYLOAD})
        assert sent.status_code == 202, sent.text
        record = until_status(two, two.a, run_ids["a"], "success")
        listed = two.ask("GET", f"/runs?workflow={NAME}", two.a).json()["data"]["runs"]
        ended = {text: find(platform, text) for text in canaries}
        assert [key for key in list_blobs(platform) if run_ids["b"] in key]
        sealed = [str(value)[100:180] for row in read_logs(platform)["runs"] for value in row if len(str(value)) > 300]
        assert all(find(platform, text) for text in sealed)
        for desk in tenants.desks.values():
            assert two.hosted.ask("DELETE", "/me", desk.api_key).status_code == 200
        deadline = time.monotonic() + 20
        while list_blobs(platform) or {row[2] for row in read_logs(platform)["closing"]} != {1}:
            assert time.monotonic() < deadline, list_blobs(platform)
            time.sleep(0.5)
        deadline = time.monotonic() + AGAIN_MS / 1000 + 20
        while any(find(platform, text) for text in sealed):
            assert time.monotonic() < deadline, read_logs(platform)
            time.sleep(1)
        rows = read_logs(platform)
        two.hosted.executor.close()
    assert (record["data"], [run["run_id"] for run in listed]) == ({"payload": {"text": PAYLOAD}}, [run_ids["a"]])
    assert f"{INPUT}-a" in str(record["trace"])
    assert not any([*waiting.values(), *ended.values()]), (waiting, ended)
    kept = {table for table, found in rows.items() if found}
    assert (kept, len(sealed) >= 3) == ({"schema", "log", "tenant"}, True)
    assert len(rows["tenant"]) == 2


def until_waiting(two: TwoTenants, desk: TenantDesk, run_id: str) -> None:
    deadline = time.monotonic() + 20
    while "paid" not in (answer := two.ask("GET", f"/runs/{run_id}", desk)).text:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)
