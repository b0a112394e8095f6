"""Verdicts of runs in KV ANALYTICS_KV: for whoever counts runs without asking the platform.

One object of the RunLog writes them, all of a while under one key, so that the number of writes does not grow with the
runs. A run is written at least once: where a write ended and the objects did not hear of it, it is in the next one too.
"""

import json

from arcrun.engine.run_id import mirror_run_id
from arcrun.limits import MAX_EXPORTED_VERDICTS
from arcrun.ports import KeyValue
from arcrun.run_log.objects import RunLogObjects

FORMAT = 2
PREFIX = "verdicts:"
TTL_S = 30 * 24 * 3600


async def export_verdicts(objects: RunLogObjects, kv: KeyValue) -> bool:
    """Write what is not there yet. Returns whether there will be more. Raises UpstreamError."""
    found = await objects.list_unexported(MAX_EXPORTED_VERDICTS)
    verdicts = [verdict for _, unexported in found for verdict in unexported["verdicts"]]
    if verdicts:
        verdicts.sort(key=lambda verdict: str(verdict["id"]), reverse=True)
        value = json.dumps({"format": FORMAT, "verdicts": verdicts}, ensure_ascii=False)
        await kv.put(PREFIX + mirror_run_id(verdicts[0]["id"]), value, ttl_s=TTL_S)
    for number, unexported in found:
        if unexported["verdicts"]:
            await objects.mark_exported(number, unexported["late"], unexported["upto"])
    return any(unexported["has_more"] for _, unexported in found)
