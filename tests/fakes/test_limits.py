"""Proves that the fakes refuse what the platform refuses, so that a passing test means something."""

import pytest

from fakes.storage import InMemoryKV, InMemoryR2, PlatformLimitError
from fakes.system import FixedClock, SeededRandom

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


async def test_the_clock_moves_only_when_asked() -> None:
    clock = FixedClock(1000)
    await clock.sleep(250)
    clock.advance(50)
    assert (clock.now_ms(), clock.slept_ms) == (1300, [250])


def test_random_is_the_same_for_the_same_seed() -> None:
    assert SeededRandom(1).token_bytes(16) == SeededRandom(1).token_bytes(16)
    assert SeededRandom(1).token_bytes(16) != SeededRandom(2).token_bytes(16)
