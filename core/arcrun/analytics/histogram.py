"""Durations by size: buckets that grow by the same factor, so that a percentile is within RELATIVE_ERROR at any size.

The mapping is that of DDSketch (Masson, Rim, Lee, 2019). What is shorter than SHORTEST_MS counts as 0.
"""

import math

RELATIVE_ERROR = 0.05
SHORTEST_MS = 0.01
LONGEST_MS = 24 * 3600 * 1000.0
_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GROWTH = math.log(_GROWTH)


def bucket_of(duration_ms: float) -> int:
    """0 for the shortest; bucket i holds durations up to SHORTEST_MS times _GROWTH to the power of i - 1."""
    if duration_ms < SHORTEST_MS:
        return 0
    return 1 + math.ceil(math.log(duration_ms / SHORTEST_MS) / _LOG_GROWTH)


LAST_BUCKET = bucket_of(LONGEST_MS)


def duration_of(bucket: int) -> float:
    """The duration in milliseconds that is within RELATIVE_ERROR of all in the bucket."""
    if bucket == 0:
        return 0.0
    upper_ms: float = SHORTEST_MS * _GROWTH ** (bucket - 1)
    return upper_ms * 2 / (1 + _GROWTH)
