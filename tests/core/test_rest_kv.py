"""KV over Cloudflare's REST API behaves as the port says, whatever the network and the API do.

The main guarantee: what `put` and `delete` report as done is done; anything uncertain raises.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcrun.cloudflare.api_access import ApiAccess
from arcrun.cloudflare.rest_client import CloudflareRestClient, RequestRetries
from arcrun.cloudflare.rest_kv import CloudflareRestKV
from arcrun.errors import ArcrunError, RequestError, TenantStorageError, UpstreamError
from arcrun.ports import KeyEntry, list_all
from arcrun.retries import parse_retry_after_ms
from fakes.cloudflare_rest.api import BASE_URL, KV_READ, CloudflareApiStandIn, Fault
from fakes.ports.storage import InMemoryKV
from fakes.ports.system import START_MS, FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

ACCOUNT, NAMESPACE, TOKEN = "a" * 32, "b" * 32, "canary-cf-token-0123456789"


@dataclass
class Bench:
    clock: FixedClock = field(default_factory=FixedClock)

    def __post_init__(self) -> None:
        self.cloudflare = CloudflareApiStandIn(self.clock)
        self.cloudflare.add_token(TOKEN, ACCOUNT)
        self.stored: InMemoryKV = self.cloudflare.add_namespace(ACCOUNT, NAMESPACE)
        self.kv = self.build(NAMESPACE)

    def build(self, namespace: str, token: str = TOKEN) -> CloudflareRestKV:
        random, access = SeededRandom(), ApiAccess(BASE_URL, ACCOUNT, token)
        return CloudflareRestKV(CloudflareRestClient(self.cloudflare, self.clock, random, access), namespace, random)

    def value(self, key: str) -> str | None:
        entry = self.stored._entries.get(key)
        return entry.value if entry else None


@pytest.mark.parametrize("metadata", [None, {"at": "2026-01-01", "密": ["--x\r\n", 1]}], ids=["plain", "with metadata"])
@pytest.mark.parametrize("value", ["v", "", "密碼 \r\n--arcrun\n", '{"a": "é"}'])
@pytest.mark.parametrize("key", ["k", "cred:a/b c", "hook:%2F?#&=+", "密:é", "run:..", "x" * 512])
async def test_what_is_put_is_read_and_listed(key: str, value: str, metadata: dict[str, object] | None) -> None:
    bench = Bench()
    await bench.kv.put(key, value, metadata=metadata)
    assert await bench.kv.get(key) == value
    assert (await bench.kv.list("")).entries == (KeyEntry(key, metadata),)
    await bench.kv.delete(key)
    assert await bench.kv.get(key) is None
    assert bench.stored.keys == []


async def test_a_value_lives_as_long_as_it_should() -> None:
    bench = Bench()
    await bench.kv.put("k", "v", ttl_s=60)
    bench.clock.advance(59_999)
    assert await bench.kv.get("k") == "v"
    bench.clock.advance(1)
    assert await bench.kv.get("k") is None


async def test_deleting_what_is_not_there_is_no_error() -> None:
    await Bench().kv.delete("nothing")


async def test_2_500_keys_are_listed_in_three_pages() -> None:
    bench = Bench()
    for number in range(2_500):
        await bench.stored.put(f"run:{number:04}", "v", metadata={"n": number})
    await bench.stored.put("other", "v")
    listed = await list_all(bench.kv, "run:")
    assert listed == [KeyEntry(f"run:{number:04}", {"n": number}) for number in range(2_500)]
    assert len(bench.cloudflare.requests) == 3


@pytest.mark.parametrize("limit", [1, 3, 9, 10, 11, 1000])
async def test_a_page_has_no_more_keys_than_asked_for(limit: int) -> None:
    bench, names, cursor = Bench(), [], None
    for number in range(25):
        bench.stored.upload(f"k{number:02}", "v")
    while True:
        page = await bench.kv.list("k", limit=limit, cursor=cursor)
        assert 0 < len(page.entries) <= limit
        names += [entry.key for entry in page.entries]
        cursor = page.cursor
        if cursor is None:
            break
    assert names == [f"k{number:02}" for number in range(25)]


@pytest.mark.parametrize("metadata", [None, "text", ["list"], 5, True], ids=repr)
async def test_metadata_that_is_no_object_counts_as_none(metadata: Any) -> None:
    """Others may write to the namespace."""
    bench = Bench()
    bench.stored._entries["k"] = replace(await _put_entry(bench, "k"), metadata=metadata)
    assert (await bench.kv.list("")).entries == (KeyEntry("k", None),)


async def _put_entry(bench: Bench, key: str) -> Any:
    await bench.kv.put(key, "v")
    return bench.stored._entries[key]


@pytest.mark.parametrize("cursor", ["", "x", "1", "x.5", "0.nonsense", "-1.", "9" * 5_000 + ".", "٣.", "²."])
async def test_a_cursor_of_nobody_s(cursor: str) -> None:
    if cursor == "":
        assert (await Bench().kv.list("", cursor="")).entries == ()
        return
    with pytest.raises(RequestError) as raised:
        await Bench().kv.list("", cursor=cursor)
    assert raised.value.code == "INVALID_CURSOR"


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
async def test_one_fault_is_survived(fault: Fault) -> None:
    bench = Bench()
    for act in (bench.kv.put("k", "v", metadata={"m": 1}), bench.kv.list("")):
        bench.cloudflare.faults = [fault]
        await act
    assert bench.value("k") == "v"
    bench.cloudflare.faults = [fault]
    await bench.kv.delete("k")
    assert bench.value("k") is None
    assert len(bench.clock.slept_ms) == 3


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
async def test_faults_without_end_are_told(fault: Fault) -> None:
    bench = Bench()
    bench.cloudflare.faults = [fault] * 100
    with pytest.raises(UpstreamError) as raised:
        await bench.kv.put("k", "v")
    error = raised.value
    assert (error.code, error.http_status, error.retriable) == ("UPSTREAM_UNAVAILABLE", 503, True)
    assert error.retry_after_s is not None
    assert error.retry_after_s >= 1
    assert len(error.next_actions) > 0
    policy = RequestRetries()
    assert 100 - len(bench.cloudflare.faults) <= policy.attempts
    assert bench.clock.now_ms() - START_MS <= policy.total_ms


FAULTS = st.lists(st.sampled_from([None, *Fault]), max_size=12)
WRITES = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.one_of(st.none(), st.text(max_size=3))), max_size=8)


@settings(max_examples=40)
@given(FAULTS, WRITES)
async def test_no_acknowledged_write_is_lost(faults: list[Fault | None], writes: list[tuple[str, str | None]]) -> None:
    """None means delete. After an unacknowledged write either state is possible, until the next acknowledged one."""
    bench = Bench()
    bench.cloudflare.faults = list(faults)
    possible: dict[str, set[str | None]] = {"a": {None}, "b": {None}}
    for key, value in writes:
        try:
            await (bench.kv.delete(key) if value is None else bench.kv.put(key, value))
        except UpstreamError:
            possible[key].add(value)
        else:
            possible[key] = {value}
    assert {key: bench.value(key) in states for key, states in possible.items()} == {"a": True, "b": True}


async def test_retry_after_is_waited_for() -> None:
    bench = Bench()
    bench.cloudflare.faults, bench.cloudflare.retry_after = [Fault.RATE_LIMITED], "7"
    await bench.kv.put("k", "v")
    assert bench.clock.slept_ms == [7_000]


async def test_a_wait_that_is_too_long_is_handed_on() -> None:
    bench = Bench()
    bench.cloudflare.faults, bench.cloudflare.retry_after = [Fault.RATE_LIMITED], "300"
    with pytest.raises(UpstreamError) as raised:
        await bench.kv.get("k")
    assert (raised.value.retry_after_s, bench.clock.slept_ms) == (300, [])


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("5", 5_000),
        ("", 0),
        ("soon", 0),
        ("-3", 0),
        ("²", 0),
        (format_datetime(datetime.fromtimestamp(START_MS / 1000 + 9, UTC), usegmt=True), 9_000),
        (format_datetime(datetime.fromtimestamp(START_MS / 1000 - 9, UTC), usegmt=True), 0),
    ],
)
def test_retry_after_as_rfc_9110_has_it(text: str, expected_ms: float) -> None:
    assert parse_retry_after_ms(text, START_MS) == expected_ms


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"token": "another"}, "TENANT_TOKEN_REFUSED", id="no such token"),
        pytest.param({"namespace": "c" * 32}, "TENANT_NAMESPACE_MISSING", id="no such namespace"),
    ],
)
async def test_a_refusal_is_told_once(change: dict[str, str], code: str) -> None:
    bench = Bench()
    kv = bench.build(**{"namespace": NAMESPACE, **change})
    for act in (kv.get("k"), kv.put("k", "v"), kv.delete("k"), kv.list("")):
        with pytest.raises(TenantStorageError) as raised:
            await act
        assert (raised.value.code, raised.value.http_status) == (code, 424)
        assert any("acr init --standard" in action for action in raised.value.next_actions)
    assert (len(bench.cloudflare.requests), bench.clock.slept_ms) == (4, [])


async def test_a_token_that_may_only_read() -> None:
    bench = Bench()
    bench.cloudflare.add_token("reader", ACCOUNT, KV_READ)
    kv = bench.build(NAMESPACE, "reader")
    assert await kv.get("k") is None
    with pytest.raises(TenantStorageError) as raised:
        await kv.put("k", "v")
    assert raised.value.code == "TENANT_TOKEN_REFUSED"


async def test_what_kv_does_not_take_is_told() -> None:
    with pytest.raises(TenantStorageError) as raised:
        await Bench().kv.put("x" * 513, "v")
    assert (raised.value.code, raised.value.details["status"]) == ("TENANT_STORAGE_REFUSED", 414)


async def test_the_token_is_in_no_error_and_in_no_repr() -> None:
    bench, shown = Bench(), []
    for token, faults in ((TOKEN, [Fault.SERVER_ERROR] * 9), (f"{TOKEN}-unknown", [])):
        bench.cloudflare.faults = list(faults)
        kv = bench.build(NAMESPACE, token)
        with pytest.raises(ArcrunError) as raised:
            await kv.get("k")
        chain = [raised.value, raised.value.__cause__, raised.value.__context__]
        shown += [repr(kv), repr(kv._client), repr(kv._client.access), *map(repr, chain), str(raised.value.to_json())]
    assert not any(TOKEN in text for text in shown)
    assert all(TOKEN not in line for line in bench.cloudflare.requests)


def test_the_local_api_has_no_account() -> None:
    local, remote = ApiAccess("http://127.0.0.1:1/api/", None, ""), ApiAccess(BASE_URL, ACCOUNT, TOKEN)
    assert local.url_of("/storage", {"a": "1 2"}) == "http://127.0.0.1:1/api/storage?a=1+2"
    assert remote.url_of("/storage") == f"{BASE_URL}/accounts/{ACCOUNT}/storage"
    assert remote.unscoped_url_of("/user") == f"{BASE_URL}/user"
