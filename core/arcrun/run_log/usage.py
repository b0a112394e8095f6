"""Today's platform usage by records of runs, with the limits of the plan."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from arcrun.limits import FREE_KV_WRITES, FREE_OBJECT_REQUESTS, FREE_ROWS_WRITTEN
from arcrun.run_log.protocol import Measured


@dataclass(frozen=True)
class Usage:
    """`used` of `most`, which is None if the plan counts by the month. `is_estimate` is whether `used` is estimated:
    from the stored runs, or from the objects' counters if those are higher.
    """

    name: str
    used: int
    most: int | None
    is_estimate: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def sum_usage(objects: Sequence[Measured], *, is_free: bool) -> list[Usage]:
    """The usage of one day in UTC, and the stored bytes. Runs that are not stored are not counted."""
    exports = sum(each["exports"] for each in objects)
    rows = sum(max(each["rows"], each["runs"] + each["indexed"] + each["pruned"]) for each in objects)
    requests = sum(max(each["requests"], each["runs"]) for each in objects)
    calls_an_export = 2 * len(objects) + 1  # each object is asked for verdicts and notified; the alarm counts too
    return [
        Usage("rows_written", rows, FREE_ROWS_WRITTEN if is_free else None, is_estimate=True),
        Usage(
            "object_requests",
            requests + exports * calls_an_export,
            FREE_OBJECT_REQUESTS if is_free else None,
            is_estimate=True,
        ),
        Usage("kv_writes", exports, FREE_KV_WRITES if is_free else None),
        Usage("stored_bytes", sum(each["bytes"] for each in objects), sum(each["most_bytes"] for each in objects)),
    ]
