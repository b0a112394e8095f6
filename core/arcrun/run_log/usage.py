"""Today's platform usage by records of runs, with the limits of the plan."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from arcrun.limits import FREE_KV_WRITES, FREE_OBJECT_REQUESTS, FREE_ROWS_WRITTEN
from arcrun.run_log.protocol import Measured

WARNING_SHARE = 0.8
_MIB = 1024 * 1024
_NAMES = {
    "rows_written": "rows written to Durable Objects today",
    "object_requests": "requests to Durable Objects today",
    "kv_writes": "writes of verdicts to KV today",
    "stored_bytes": "records of runs, MiB",
    "version_bytes": "versions of workflows, MiB",
    "schedules": "schedules",
    "store_bytes": "stores, MiB",
}


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


def find_nearly_used_up(usage: Iterable[Mapping[str, Any]]) -> list[str]:
    """A sentence for each quota of which at least four fifths are used. `usage` are those of GET /usage, perhaps of
    another version.
    """
    found = []
    for each in usage:
        if each["most"] and each["used"] >= WARNING_SHARE * each["most"]:
            name, used, most = describe_usage(each)
            found.append(f"{name}: {used} of {most}.")
    return found


def describe_usage(each: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """What a figure is of, how much is used, and how much may be; None if the plan counts by the month."""
    name = each["name"]
    used, most = (
        None if number is None else f"{number / _MIB:,.1f}" if name.endswith("_bytes") else f"{number:,}"
        for number in (each["used"], each["most"])
    )
    return _NAMES.get(name, str(name)), ("~" if each["is_estimate"] else "") + str(used), most
