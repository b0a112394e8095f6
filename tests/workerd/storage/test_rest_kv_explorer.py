"""Proves KV over REST against the local runtime's API: it sees the same values as a Worker's binding."""

import asyncio
import uuid

import httpx
import pytest

from arcrun.cloudflare.api_access import ApiAccess
from arcrun.cloudflare.rest_client import CloudflareRestClient
from arcrun.cloudflare.rest_kv import CloudflareRestKV
from arcrun.ports import HttpRequest, HttpResponse, KeyEntry, list_all
from fakes.ports.system import FixedClock, SeededRandom
from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd


class HttpxClient:
    """HttpClient over the network."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        async with httpx.AsyncClient(trust_env=False, timeout=request.timeout_ms / 1000) as client:
            sent = {"headers": dict(request.headers), "content": request.body}
            answer = await client.request(request.method, request.url, **sent)  # type: ignore[arg-type]
        return HttpResponse(answer.status_code, dict(answer.headers), answer.content)


async def use(kv: CloudflareRestKV, prefix: str) -> None:
    metadata = {"at": "2026-01-01", "密": [1]}
    values = {f"{prefix}{number:02}/ é?": f"välue {number}\r\n" for number in range(12)}
    for key, value in values.items():
        await kv.put(key, value, metadata=metadata, ttl_s=3600)
    await kv.put(f"{prefix}plain", "v")
    assert {key: await kv.get(key) for key in values} == values
    assert await kv.get(f"{prefix}none") is None
    assert await list_all(kv, prefix) == [*(KeyEntry(key, metadata) for key in values), KeyEntry(f"{prefix}plain")]
    page = await kv.list(prefix, limit=11)
    rest = await kv.list(prefix, limit=11, cursor=page.cursor)
    assert (len(page.entries), len(rest.entries), rest.cursor) == (11, 2, None)
    for key in [*values, f"{prefix}plain", f"{prefix}none"]:
        await kv.delete(key)
    assert (await list_all(kv, prefix), await kv.get(f"{prefix}plain")) == ([], None)


def test_values_metadata_and_pages(platform: LocalPlatform) -> None:
    access = ApiAccess(platform.urls["cloudflare-api"], None, "")
    client = CloudflareRestClient(HttpxClient(), FixedClock(), SeededRandom(), access)
    asyncio.run(use(CloudflareRestKV(client, "EXEC_CONTEXT", SeededRandom()), f"rest:{uuid.uuid4()}:"))
