"""The request of a run that a schedule has started, as templates see it."""

from collections.abc import Collection, Mapping
from typing import Any

from arcrun.engine.request import PlainRequest
from arcrun.engine.trigger import TriggerKind
from arcrun.times import render_time
from arcrun.workflows.triggers.schedules import Schedule


class ScheduledRequest(PlainRequest):
    """`due_ms` is the time that starts it, `delay_ms` how much later it was started."""

    def __init__(self, input_value: Any, schedule: Schedule, due_ms: float, delay_ms: float) -> None:
        super().__init__(input_value)
        self._trigger = {
            "kind": TriggerKind.SCHEDULE.value,
            "due_at": render_time(due_ms, "seconds"),
            "delay_ms": round(delay_ms),
            "schedule": schedule.value,
            "zone": schedule.zone,
        }

    def describe(self, fields: Collection[str]) -> Mapping[str, Any]:
        return {**super().describe(fields), "trigger": self._trigger}
