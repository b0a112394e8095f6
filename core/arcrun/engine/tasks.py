"""How many tasks of a run there are at once: all of them are ended in one stretch when the run is over.

A loop of 64 elements at a time, in one of 64, in another, would have 262,144; no more than a run's `concurrency` of
them call components at once.
"""

import asyncio
from typing import Any

from arcrun.limits import MAX_RUN_TASKS


class RunTasks:
    """Of a run, its loops and sub-workflows. Who gets no task does its work in its own, one piece after the other."""

    def __init__(self, limit: int = MAX_RUN_TASKS) -> None:
        self._left = limit

    def count(self, task: asyncio.Task[Any]) -> None:
        """Until it is done. Ask `has_room` before."""
        self._left -= 1
        task.add_done_callback(self._give_back)

    @property
    def has_room(self) -> bool:
        return self._left > 0

    def _give_back(self, _task: object) -> None:
        self._left += 1
