"""Exports verdicts of runs to KV ANALYTICS_KV, for readers that count runs without asking the platform.

One object of the RunLog writes them, one key per interval, so that the number of writes does not grow with the runs. A
write is confirmed at the next one, and only then do the objects mark its verdicts as exported: the local runtime's KV
loses acknowledged writes when it is killed. So each run is written at least once.
"""

import json
from typing import Protocol

from arcrun.engine.run_id import invert_run_id
from arcrun.limits import MAX_EXPORTED_VERDICTS
from arcrun.ports import KeyValue
from arcrun.run_log.objects import RunLogObjects

FORMAT = 2
PREFIX = "verdicts:"
TTL_S = 30 * 24 * 3600


class Unconfirmed(Protocol):
    """Stores JSON about the last write in the object; "" if there is none."""

    unconfirmed: str


async def export_verdicts(objects: RunLogObjects, kv: KeyValue, last: Unconfirmed) -> bool:
    """Write new verdicts. Returns whether there is more to do. Raises UpstreamError."""
    if last.unconfirmed:
        written = json.loads(last.unconfirmed)
        if await kv.get(written["key"]) is not None:
            for number, late, upto in written["marks"]:
                await objects.mark_exported(number, late, upto)
        last.unconfirmed = ""
    found = await objects.list_unexported(MAX_EXPORTED_VERDICTS)
    verdicts = [verdict for _, unexported in found for verdict in unexported["verdicts"]]
    if verdicts:
        verdicts.sort(key=lambda verdict: verdict["id"], reverse=True)
        key = PREFIX + invert_run_id(verdicts[0]["id"])
        value = json.dumps({"format": FORMAT, "verdicts": verdicts}, ensure_ascii=False)
        await kv.put(key, value, ttl_s=TTL_S)
        marks = [(number, each["late"], each["upto"]) for number, each in found if each["verdicts"]]
        last.unconfirmed = json.dumps({"key": key, "marks": marks})
    return bool(verdicts) or any(unexported["has_more"] for _, unexported in found)
