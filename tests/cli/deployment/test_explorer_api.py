"""The client of Cloudflare's API against the local runtime's API, on real workerd."""

import json
import os
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path

import httpx
import pytest

from acr.cloudflare import kv, r2
from acr.cloudflare.api import CloudflareApi, CloudflareError
from arcrun.cloudflare.api_access import ApiAccess
from workerd.local_platform import API_KEY, LOG, LocalPlatform

pytestmark = pytest.mark.workerd


@pytest.fixture
def api(platform: LocalPlatform) -> Iterator[CloudflareApi]:
    with CloudflareApi(ApiAccess(platform.urls["cloudflare-api"])) as client:
        yield client


def test_the_record_of_acr_dev_is_private_and_correct(platform: LocalPlatform, api: CloudflareApi) -> None:
    path = Path(platform.environment["ACR_CONFIG_DIR"]) / f"running/{platform.process.pid}.json"
    record = json.loads(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert (record["url"], record["api_url"]) == (platform.urls["executor"], platform.urls["cloudflare-api"])
    assert (record["api_key"], record["bucket"]) == (API_KEY, "arcrun-components")
    assert {"WEBHOOKS", "CREDENTIALS_KV", "ANALYTICS_KV", "ACCOUNTS_KV"} <= record["namespaces"].keys()
    assert set(record["namespaces"].values()) <= set(kv.list_namespaces(api).values())
    kept = (platform.folder / "keys/encryption-key").stat()
    assert (kept.st_mode & 0o777, kept.st_uid) == (0o600, os.getuid())


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("{secret}/cdn-cgi/local/explorer/api/r2/buckets", {}, 200, id="with the secret"),
        pytest.param("cdn-cgi/local/explorer/api/r2/buckets", {}, 404, id="without it"),
        pytest.param("wrong/cdn-cgi/local/explorer/api/r2/buckets", {}, 404, id="with another"),
        pytest.param("{secret}x/cdn-cgi/local/explorer/api/r2/buckets", {}, 404, id="with a longer one"),
        pytest.param("", {}, 404, id="nothing"),
        pytest.param("{secret}/cdn-cgi/local/explorer/api/r2/buckets", {"host": "evil.test"}, 403, id="another host"),
        pytest.param("{secret}/cdn-cgi/local/explorer/api/r2/buckets", {"host": "127.0.0.1"}, 403, id="no port"),
        pytest.param(
            "{secret}/cdn-cgi/local/explorer/api/r2/buckets", {"origin": "http://evil.test"}, 403, id="another origin"
        ),
    ],
)
def test_without_the_secret_path_requests_are_refused(
    platform: LocalPlatform, path: str, headers: dict[str, str], status: int
) -> None:
    url = httpx.URL(platform.urls["cloudflare-api"])
    secret = url.path.split("/")[1]
    answer = httpx.get(
        f"http://127.0.0.1:{url.port}/{path.format(secret=secret)}", headers=headers, trust_env=False, timeout=60
    )
    assert (answer.status_code, "arcrun-components" in answer.text) == (status, status == 200)


def test_the_secret_path_is_random_and_not_disclosed(platform: LocalPlatform) -> None:
    secret = httpx.URL(platform.urls["cloudflare-api"]).path.split("/")[1]
    assert len(secret) >= 43  # 256 bits
    assert platform.announced["cloudflare-api"] == f"http://127.0.0.1:{httpx.URL(platform.urls['cloudflare-api']).port}"
    assert secret not in (platform.folder / LOG).read_text()
    assert (platform.folder / "plan.json").stat().st_mode & 0o777 == 0o600


def test_the_api_listens_only_on_the_loopback_address(platform: LocalPlatform) -> None:
    """The kernel's table of listening sockets (proc(5)) has only 127.0.0.1 for its port."""
    port = httpx.URL(platform.urls["cloudflare-api"]).port
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]
    assert listening == [f"0100007F:{port:04X}"]


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
