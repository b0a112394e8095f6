"""Bounds what a run holds at once, whatever it has held: what its nodes answered, what its loops have gathered."""

from typing import Any, NamedTuple

from arcrun.errors import RunError
from arcrun.limits import MAX_ANSWER_BYTES, MAX_JSON_VALUES, MAX_LIVE_BYTES
from arcrun.size import size_of


class Answer(NamedTuple):
    """What a graph comes to, and its weight (arcrun/size.py)."""

    value: Any
    weight: int

    def require_bounds(self) -> None:
        """Raises RunError ANSWER_TOO_LARGE."""
        if self.weight <= MAX_ANSWER_BYTES:
            return
        size = size_of(self.value, MAX_ANSWER_BYTES, MAX_JSON_VALUES)
        if size.bytes > MAX_ANSWER_BYTES or size.values > MAX_JSON_VALUES:
            raise RunError(
                f"The answer is larger than {MAX_ANSWER_BYTES >> 20} MiB or {MAX_JSON_VALUES} values.",
                code="ANSWER_TOO_LARGE",
                next_actions=["Lead to `output` only what is asked for, or put it where it can be fetched."],
                details={"limit_bytes": MAX_ANSWER_BYTES, "limit_values": MAX_JSON_VALUES},
            )


class LiveValues:
    """Of a run, its loops and its sub-workflows."""

    def __init__(self) -> None:
        self._held = 0

    def take(self, weight: int) -> None:
        """Raises RunError RUN_TOO_LARGE, and then takes nothing."""
        self._held += weight
        if self._held > MAX_LIVE_BYTES:
            self._held -= weight
            raise RunError(
                f"The run would hold more than {MAX_LIVE_BYTES >> 20} MiB of values at once.",
                code="RUN_TOO_LARGE",
                next_actions=[
                    "Let nodes answer only what is used, and loops gather little of each element.",
                    "Or let sub-workflows do parts of it: what one of them holds goes when it has answered.",
                ],
                details={"limit_bytes": MAX_LIVE_BYTES},
            )

    def give_back(self, weight: int) -> None:
        self._held -= weight
