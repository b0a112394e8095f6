"""A cache bounds its entries, and all caches of an isolate together are bounded in bytes."""

from hypothesis import given
from hypothesis import strategies as st

from arcrun.caches import Cache, CacheSpace


def test_what_was_put_in_first_goes() -> None:
    cache: Cache[int] = Cache(2, CacheSpace())
    for number, key in enumerate("aba"):
        cache.put(key, number, 1)
    cache.put("c", 3, 1)
    assert [cache.get(key) for key in "abc"] == [2, None, 3]


def test_the_bytes_are_those_of_all_caches() -> None:
    space = CacheSpace(100)
    one, other = Cache[int](10, space), Cache[int](10, space)
    one.put("a", 1, 60)
    other.put("a", 2, 40)
    assert (one.get("a"), other.get("a")) == (1, 2)
    other.put("b", 3, 10)
    assert (one.get("a"), other.get("a"), other.get("b")) == (None, 2, 3)


def test_what_is_larger_than_all_stays_until_the_next() -> None:
    cache: Cache[int] = Cache(10, CacheSpace(100))
    cache.put("large", 1, 1_000)
    assert cache.get("large") == 1
    cache.put("small", 2, 1)
    assert (cache.get("large"), cache.get("small")) == (None, 2)


@given(st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from("abcd"), st.integers(0, 60) | st.none())))
def test_no_more_is_held_than_there_is_room_for(steps: list[tuple[str, str, int | None]]) -> None:
    space = CacheSpace(100)
    caches = {"x": Cache[int](2, space), "y": Cache[int](3, space)}
    for name, key, weight in steps:
        if weight is None:
            caches[name].pop(key)
        else:
            caches[name].put(key, weight, weight)
            assert caches[name].get(key) == weight
        held = [value for cache in caches.values() for each in "abcd" if (value := cache.get(each)) is not None]
        assert sum(held) <= 100
        assert (len(caches["x"]) <= 2, len(caches["y"]) <= 3) == (True, True)


def test_without_a_space_the_number_of_entries_is_the_bound() -> None:
    cache: Cache[int] = Cache(2)
    for key in "ab":
        cache.put(key, 1)
    cache.put("a", 2)  # used again
    cache.put("c", 3)
    assert [key in cache for key in "abc"] == [True, False, True]
    cache.pop("a")
    cache.pop("a")
    assert len(cache) == 1
