"""Lets everybody else of the isolate have a turn: a run works in short stretches, and pauses between them.

A stretch is counted in nodes, not timed: deployed, the clock stands still while code computes. A pause is a real timer,
after which other requests have run, the clock has moved, and a deadline ends the run whose time is over.
"""

import asyncio

from arcrun.ports import Clock

STRETCH_NODES = 25  # about 5 ms: benchmarks/run.py prints what a node takes


class Pace:
    """Of one run, its loops and sub-workflows."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._nodes = 0
        self._pause: asyncio.Future[None] | None = None

    async def step(self) -> None:
        """Before each node. While the run pauses, none of its nodes goes on."""
        self._nodes += 1
        if self._nodes >= STRETCH_NODES and self._pause is None:
            self._nodes = 0
            self._pause = asyncio.ensure_future(self._clock.pause())
            self._pause.add_done_callback(self._go_on)
        if self._pause is not None:
            await asyncio.shield(self._pause)

    def _go_on(self, _pause: object) -> None:
        self._pause = None
