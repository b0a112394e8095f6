"""Bounded caches of an isolate: by number of entries, and for large entries by bytes."""

import math
from collections import OrderedDict
from typing import Any, Generic, TypeVar

from arcrun.limits import MAX_CACHED_BYTES

T = TypeVar("T")


class CacheSpace:
    """A limit in bytes shared by the caches of an isolate. Beyond it, the oldest entry of any cache is dropped."""

    def __init__(self, most_bytes: int = MAX_CACHED_BYTES) -> None:
        self._left = most_bytes
        self._weights: OrderedDict[tuple[int, str], tuple[Cache[Any], int]] = OrderedDict()

    def enter(self, cache: "Cache[Any]", key: str, weight: int) -> None:
        self.leave(cache, key)
        self._weights[id(cache), key] = cache, weight
        self._left -= weight
        while self._left < 0 and len(self._weights) > 1:
            (_, oldest), (owner, _) = next(iter(self._weights.items()))
            owner.pop(oldest)

    def leave(self, cache: "Cache[Any]", key: str) -> None:
        _, weight = self._weights.pop((id(cache), key), (None, 0))
        self._left += weight


class Cache(Generic[T]):
    """A cache of at most `most` entries, within `space`; the oldest entry is dropped first. `get` is as fast as a
    dictionary's. To keep an entry that was used recently, put it again.
    """

    def __init__(self, most: float = math.inf, space: CacheSpace | None = None) -> None:
        self._most, self._space = most, space
        self._entries: dict[str, T] = {}
        self.get = self._entries.get

    def put(self, key: str, value: T, weight: int = 0) -> None:
        """Add an entry. `weight` is its approximate size in bytes."""
        self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > self._most:
            self.pop(next(iter(self._entries)))
        if self._space is not None:
            self._space.enter(self, key, weight)

    def pop(self, key: str) -> None:
        self._entries.pop(key, None)
        if self._space is not None:
            self._space.leave(self, key)

    def clear(self) -> None:
        for key in [*self._entries]:
            self.pop(key)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)
