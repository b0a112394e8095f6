"""Work that can be interrupted: a generator that yields how much it has done since the last time, and returns a result.

The unit is about as much as reading an instruction of a module. So a stretch is counted, not timed: deployed, the clock
stands still while code computes.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar

Result = TypeVar("Result")
Steps = Generator[int, None, Result]
Pause = Callable[[], Awaitable[None]]
STRETCH_UNITS = 6_000  # some 10 ms in the Workers' Python, where a unit takes about 2 µs


async def go_on() -> None:
    """The pause of a program that nobody else waits for."""


def run_steps(steps: Steps[Result]) -> Result:
    """The result, in one go: for the command line, builds and tests."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


async def run_steps_pausing(steps: Steps[Result], pause: Pause) -> Result:
    """The result, with `pause` after each stretch: `Clock.pause`, so that others have their turn."""
    done = 0
    while True:
        try:
            done += next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        if done >= STRETCH_UNITS:
            done = 0
            await pause()
