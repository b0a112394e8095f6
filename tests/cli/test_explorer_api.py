"""The client of Cloudflare's API against the one that the local runtime serves, on real workerd."""

import json
import os
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path

import pytest

from acr.cloudflare import kv, r2
from acr.cloudflare.access import ApiAccess
from acr.cloudflare.api import CloudflareApi, CloudflareError
from workerd.local_platform import API_KEY, LocalPlatform

pytestmark = pytest.mark.workerd


@pytest.fixture
def api(platform: LocalPlatform) -> Iterator[CloudflareApi]:
    with CloudflareApi(ApiAccess(platform.urls["cloudflare-api"])) as client:
        yield client


def test_what_acr_dev_records_is_private_and_true(platform: LocalPlatform, api: CloudflareApi) -> None:
    path = Path(platform.environment["ACR_CONFIG_DIR"]) / "local.json"
    record = json.loads(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert (record["url"], record["api_url"]) == (platform.urls["executor"], platform.urls["cloudflare-api"])
    assert (record["api_key"], record["bucket"]) == (API_KEY, "arcrun-components")
    assert {"WEBHOOKS", "CREDENTIALS_KV", "ANALYTICS_KV", "ACCOUNTS_KV"} <= record["namespaces"].keys()
    assert set(record["namespaces"].values()) <= set(kv.list_namespaces(api).values())
    kept = (platform.folder / "keys/encryption-key").stat()
    assert (kept.st_mode & 0o777, kept.st_uid) == (0o600, os.getuid())


def test_values_and_keys(api: CloudflareApi) -> None:
    namespace = kv.KvNamespace(api, "EXEC_CONTEXT")
    namespace.put("explorer:a/b c", "välue")
    namespace.put_all({f"explorer:{i}": str(i) for i in range(3)})
    assert namespace.get("explorer:a/b c") == "välue"
    assert list(namespace.list_keys("explorer:")) == ["explorer:0", "explorer:1", "explorer:2", "explorer:a/b c"]
    for key in list(namespace.list_keys("explorer:")):
        namespace.delete(key)
    assert (list(namespace.list_keys("explorer:")), namespace.get("explorer:0")) == ([], None)


def test_objects(api: CloudflareApi) -> None:
    bucket = r2.R2Bucket(api, "arcrun-components")
    assert "arcrun-components" in r2.list_buckets(api)
    module = b"\0asm\1\0\0\0"
    bucket.put("explorer/x.wasm", module)
    assert bucket.get("explorer/x.wasm") == module
    (listed,) = bucket.list_objects("explorer/")
    assert (listed.key, listed.size, listed.etag) == ("explorer/x.wasm", 8, md5(module).hexdigest())
    bucket.delete("explorer/x.wasm")
    assert bucket.get("explorer/x.wasm") is None


def test_a_refusal_carries_the_api_s_message(api: CloudflareApi) -> None:
    with pytest.raises(CloudflareError) as raised:
        kv.create_namespace(api, "t")
    assert raised.value.status in (404, 405)
