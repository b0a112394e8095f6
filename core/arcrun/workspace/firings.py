"""The rules by which the times of a schedule become runs (docs/adr/0035)."""

import hashlib
import hmac
from collections.abc import Sequence

from arcrun.engine.run_id import build_derived_id
from arcrun.limits import MAX_CAUGHT_UP, MAX_LATE_MS
from arcrun.workflows.triggers.schedules import CatchUp

SPREAD_PER_S = 50  # how many runs of the same time begin within a second


def choose_times(passed: Sequence[float], now_ms: float, catch_up: CatchUp) -> Sequence[float]:
    """Which of the times that have `passed`, oldest first, start a run."""
    if catch_up is CatchUp.ALL:
        return passed[-MAX_CAUGHT_UP:]
    if catch_up is CatchUp.NONE and passed and now_ms - passed[-1] > MAX_LATE_MS:
        return ()
    return passed[-1:]


def build_firing_id(secret: str, name_id: str, key: str, due_ms: float, objects: int) -> str:
    """The id of the run that a schedule starts for a time: always the same, and known to nobody in advance. It begins
    with the time; one of the RunLog's `objects` keeps the run.
    """
    digest = hmac.digest(secret.encode(), f"{name_id}\n{key}\n{int(due_ms)}".encode(), hashlib.sha256)
    return build_derived_id(due_ms, int.from_bytes(digest[:4]) % objects, digest[4:])


def find_delay_ms(name_id: str, key: str, due_ms: float, jitter_ms: int | None, crowd: int) -> float:
    """How much later than its time a run begins: whole seconds, up to `jitter_ms`, or as many as `crowd` other
    schedules that are due at the same time need to be spread. The same for the same time.
    """
    most_ms = crowd // SPREAD_PER_S * 1_000 if jitter_ms is None else jitter_ms
    if most_ms < 1_000:
        return 0
    digest = hashlib.sha256(f"{name_id}\n{key}\n{int(due_ms)}".encode()).digest()
    return int(int.from_bytes(digest[:4]) / 2**32 * (most_ms // 1_000 + (jitter_ms is not None))) * 1_000
