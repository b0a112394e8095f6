"""Proves that the fakes refuse what the platform refuses, so that a passing test means something."""

import pytest

from arcrun.ports import KeyEntry
from fakes.ports.storage import InMemoryKV, InMemoryR2, PlatformLimitError
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("key", "value", "ttl_s"),
    [
        pytest.param("k" * 513, "", None, id="key of 513 bytes"),
        pytest.param("é" * 257, "", None, id="key of 514 bytes in 257 characters"),
        pytest.param("", "", None, id="empty key"),
        pytest.param(".", "", None, id="key of one dot"),
        pytest.param("k", "v" * (25 * 1024 * 1024 + 1), None, id="value above 25 MiB"),
        pytest.param("k", "", 59, id="TTL of 59 s"),
    ],
)
async def test_kv_refuses_to_put(key: str, value: str, ttl_s: int | None) -> None:
    with pytest.raises(PlatformLimitError):
        await InMemoryKV().put(key, value, ttl_s=ttl_s)


async def test_kv_takes_what_is_just_within_its_limits() -> None:
    kv = InMemoryKV()
    await kv.put("k" * 512, "v", ttl_s=60)
    assert await kv.get("k" * 512) == "v"


async def test_kv_refuses_a_long_key_for_every_operation() -> None:
    kv = InMemoryKV()
    with pytest.raises(PlatformLimitError):
        await kv.get("k" * 513)
    with pytest.raises(PlatformLimitError):
        await kv.delete("k" * 513)


async def test_kv_forgets_a_value_when_its_ttl_is_over() -> None:
    clock = FixedClock()
    kv = InMemoryKV(clock)
    await kv.put("k", "v", ttl_s=60)
    clock.advance(59_999)
    assert await kv.get("k") == "v"
    clock.advance(1)
    assert await kv.get("k") is None


async def test_kv_deletes() -> None:
    kv = InMemoryKV()
    await kv.put("k", "v")
    await kv.delete("k")
    await kv.delete("never there")
    assert await kv.get("k") is None


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"k": "x" * 1_017}, id="1,025 bytes"),
        pytest.param({"k": "é" * 509}, id="1,026 bytes in 517 characters"),
    ],
)
async def test_kv_refuses_large_metadata(metadata: dict[str, str]) -> None:
    with pytest.raises(PlatformLimitError):
        await InMemoryKV().put("k", "v", metadata=metadata)


@pytest.mark.parametrize("metadata", [None, {"k": "x" * 1_016}, {"k": "é" * 508}])
async def test_kv_lists_the_metadata_that_was_put(metadata: dict[str, str] | None) -> None:
    kv = InMemoryKV()
    await kv.put("k", "v", metadata=metadata)
    assert (await kv.list("")).entries == (KeyEntry("k", metadata),)
    await kv.put("k", "v")
    assert (await kv.list("")).entries == (KeyEntry("k"),)


@pytest.mark.parametrize("limit", [0, 1001])
async def test_kv_refuses_a_page_of_another_size(limit: int) -> None:
    with pytest.raises(PlatformLimitError):
        await InMemoryKV().list("", limit=limit)


@pytest.mark.parametrize(
    ("limit", "pages"),
    [(1, ["a", "b", "é", "名"]), (2, ["ab", "é名"]), (3, ["abé", "名"]), (4, ["abé名"]), (1000, ["abé名"])],
)
async def test_kv_lists_keys_in_the_order_of_their_bytes_by_pages(limit: int, pages: list[str]) -> None:
    kv = InMemoryKV()
    for key in ("名", "b", "é", "a"):
        await kv.put(f"p:{key}", "v")
    await kv.put("other", "v")
    found, cursor = [], None
    while True:
        page = await kv.list("p:", limit=limit, cursor=cursor)
        found.append("".join(entry.key.removeprefix("p:") for entry in page.entries))
        cursor = page.cursor
        if cursor is None:
            break
    assert found == pages


async def test_kv_lists_no_key_whose_ttl_is_over() -> None:
    clock = FixedClock()
    kv = InMemoryKV(clock)
    await kv.put("k", "v", ttl_s=60)
    clock.advance(60_000)
    assert (await kv.list("")).entries == ()


async def test_r2_etag_changes_with_the_content_and_only_with_it() -> None:
    bucket = InMemoryR2()
    bucket.upload("a", b"one")
    first = await bucket.etag("a")
    bucket.upload("a", b"two")
    second = await bucket.etag("a")
    bucket.upload("a", b"one")
    assert first != second
    assert await bucket.etag("a") == first
    assert await bucket.etag("b") is None


async def test_r2_refuses_a_key_above_1024_bytes() -> None:
    with pytest.raises(PlatformLimitError):
        await InMemoryR2().get("k" * 1025)


async def test_r2_takes_one_write_a_second_for_each_key() -> None:
    clock = FixedClock()
    bucket = InMemoryR2(clock)
    await bucket.put("a", b"one")
    await bucket.put("b", b"one")
    clock.advance(999)
    with pytest.raises(PlatformLimitError):
        await bucket.put("a", b"two")
    clock.advance(1)
    await bucket.put("a", b"three")
    assert bucket.objects == {"a": b"three", "b": b"one"}


async def test_the_clock_moves_only_when_asked() -> None:
    clock = FixedClock(1000)
    await clock.sleep(250)
    clock.advance(50)
    assert (clock.now_ms(), clock.slept_ms) == (1300, [250])


def test_random_is_the_same_for_the_same_seed() -> None:
    assert SeededRandom(1).token_bytes(16) == SeededRandom(1).token_bytes(16)
    assert SeededRandom(1).token_bytes(16) != SeededRandom(2).token_bytes(16)
