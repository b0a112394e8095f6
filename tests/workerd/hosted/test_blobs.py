"""On the real Workers a tenant's blobs are its own, bounded and sealed, and go with the account."""

import time
from pathlib import Path
from typing import Any

import pytest

from fakes.cloudflare_rest.api import CloudflareApiStandIn, served
from workerd.blobs.file_server import file_of, running_file_server, sha256_of
from workerd.blobs.test_blobs import fetch, list_pieces, send
from workerd.hosted.test_tenants import TenantDesk, TwoTenants, build_desk
from workerd.hosted_platform import Hosted
from workerd.local_platform import running_platform

pytestmark = pytest.mark.workerd

SIZE = 1_500_000
TENANTS = {"MULTI_TENANT": "true", "TENANT_BLOB_BYTES": str(4 * SIZE)}


def run(two: TwoTenants, desk: TenantDesk, name: str, **value: Any) -> Any:
    answer = two.ask("POST", f"/webhooks/named/{name}/trigger?wait_ms=20000", desk, value).json()
    return answer["data"] if answer["success"] else answer["error"]["code"]


def test_blobs_of_tenants(tmp_path: Path) -> None:
    cloudflare = CloudflareApiStandIn()
    with running_file_server() as server, served(cloudflare) as base_url:
        a, b = (build_desk(cloudflare, letter, f"canary-secret-of-{letter}") for letter in "ab")
        get, put = fetch(f"{server.url}/{SIZE}"), send(server, "/put", body_blob="{{get.data.body}}")
        with running_platform(tmp_path, CLOUDFLARE_API_BASE_URL=base_url, **TENANTS) as platform:
            two = TwoTenants(Hosted(platform, cloudflare, base_url), a, b)
            for desk in (a, b):
                desk.api_key = two.register(desk)
                both = {"flow": ["input >> PIPE >> get", "get >> PIPE >> put"], "config": {"get": get, "put": put}}
                two.push(desk, {"name": "quick", **both})
                two.push(desk, {"name": "lasting", "durable": True, **both})
                two.push(desk, {"name": "get", "flow": ["input >> PIPE >> get"], "config": {"get": get}})
                taker = {"put": send(server, "/taker", body_blob="{{input.blob}}")}
                two.push(desk, {"name": "taker", "flow": ["input >> PIPE >> put"], "config": taker})
            assert [run(two, a, name)["status"] for name in ("quick", "lasting")] == [200, 200]
            assert [each.sha256 for each in server.taken] == [sha256_of(SIZE)] * 2
            blob = run(two, a, "get")["body"]
            assert (run(two, a, "taker", blob=blob), run(two, b, "taker", blob=blob)) == ("BLOB_NOT_FOUND",) * 2
            assert run(two, a, "get")["status"] == 200
            assert (run(two, a, "get"), run(two, b, "get")["status"]) == ("BLOBS_FULL", 200)
            keys = list_pieces(platform)
            assert len(keys) == 10
            start = file_of(SIZE)[:32]
            assert all(start not in (platform.get_object(key) or b"") for key in keys)
            assert two.hosted.ask("DELETE", "/me", a.api_key).status_code == 200
            deadline_s = time.monotonic() + 20
            while len(left := list_pieces(platform)) > 2 and time.monotonic() < deadline_s:
                time.sleep(0.5)
            assert len(left) == 2
            assert set(left) < set(keys)
            two.hosted.executor.close()
