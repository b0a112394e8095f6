"""Proves on the real Workers that a tenant's stores are its own, bounded and sealed; that they are kept over kill -9;
and that they go with the account.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fakes.cloudflare_rest.api import CloudflareApiStandIn, served
from workerd.durable.soak import kill
from workerd.durable.test_at_rest import find
from workerd.hosted.test_tenants import TenantDesk, TwoTenants, build_desk
from workerd.hosted_platform import Hosted
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

KEY, VALUE, STORE = "k3y-canary", "v4lue-canary", "st0re-canary"
TENANTS = {"MULTI_TENANT": "true", "TENANT_STORE_BYTES": "20000"}
COUNT = {"component": "store", "op": "increment", "key": KEY, "store": STORE}
PUT = {"component": "store", "op": "put", "key": "{{input.key}}", "value": "{{input.value}}"}


def build_flow(name: str, step: dict[str, Any], *, durable: bool = False) -> dict[str, Any]:
    return {"name": name, "flow": ["input >> PIPE >> a"], "config": {"a": step}, "durable": durable}


def run(two: TwoTenants, desk: TenantDesk, name: str, **value: Any) -> Any:
    answer = two.ask("POST", f"/webhooks/named/{name}/trigger?wait_ms=10000", desk, value).json()
    return answer["data"] if answer["success"] else answer["error"]["code"]


def count_entries(platform: LocalPlatform) -> list[int]:
    """How many entries, operations and stores each tenant's object has in its database."""
    counted = []
    for path in (platform.folder / "state" / "do" / "arcrun-cypher-executor-Store").glob("*.sqlite"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            found = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            tables = [name for name in ("entries", "done", "scopes") if name in found]
            rows = [database.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in tables]
            counted += [sum(rows)] if rows else []
    return counted


def test_stores_of_tenants(tmp_path: Path) -> None:
    cloudflare = CloudflareApiStandIn()
    with served(cloudflare) as base_url:
        a, b = (build_desk(cloudflare, letter, f"canary-secret-of-{letter}") for letter in "ab")
        with running_platform(tmp_path, CLOUDFLARE_API_BASE_URL=base_url, **TENANTS) as platform:
            two = TwoTenants(Hosted(platform, cloudflare, base_url), a, b)
            for desk in (a, b):
                desk.api_key = two.register(desk)
                two.push(desk, build_flow("quick", COUNT))
                two.push(desk, build_flow("lasting", COUNT, durable=True))
                two.push(desk, build_flow("keep", PUT))
            assert [run(two, a, name) for name in ("quick", "lasting", "quick")] == [{"value": n} for n in (1, 2, 3)]
            assert run(two, b, "quick") == {"value": 1}
            assert run(two, b, "keep", key="k", value=VALUE) == {"was_there": False}
            assert run(two, b, "keep", key="l", value="x" * 20_000) == "STORE_FULL"
            assert two.ask("GET", "/stores/workflow/keep/entry?key=k", a).status_code == 404
            two.hosted.executor.close()
            kill(platform)
        with running_platform(tmp_path, CLOUDFLARE_API_BASE_URL=base_url, **TENANTS) as platform:
            two = TwoTenants(Hosted(platform, cloudflare, base_url), a, b)
            assert (run(two, a, "quick"), run(two, b, "quick")) == ({"value": 4}, {"value": 2})
            entry = two.ask("GET", "/stores/workflow/keep/entry?key=k", b).json()["data"]
            assert entry == {"key": "k", "value": VALUE}
            assert [text for text in (KEY, VALUE, STORE) if find(platform, text)] == []
            assert (len(count_entries(platform)), min(count_entries(platform)) > 0) == (2, True)
            assert two.hosted.ask("DELETE", "/me", b.api_key).status_code == 200
            late = two.ask("PUT", "/stores/shared/s/entry?key=k", b, {"value": 1})  # the key is known for some seconds
            assert late.json()["error"]["code"] == "STORE_CLOSED"
            assert sorted(each > 0 for each in count_entries(platform)) == [False, True]
            b.api_key = two.register(b)
            two.push(b, build_flow("quick", COUNT))
            assert (run(two, a, "quick"), run(two, b, "quick")) == ({"value": 5}, {"value": 1})
            two.hosted.executor.close()
