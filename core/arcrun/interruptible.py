"""Interruptible work: a generator that yields the work done since the last time, and returns a result.

The unit is about the work of reading one instruction of a module. A stretch is counted, not timed: on the platform, the
clock stands still while code computes.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar

Result = TypeVar("Result")
Steps = Generator[int, None, Result]
Pause = Callable[[], Awaitable[None]]
STRETCH_UNITS = 6_000  # some 10 ms in the Workers' Python, where a unit takes about 2 µs


async def go_on() -> None:
    """A pause that returns immediately, for a program without other tasks."""


def run_steps(steps: Steps[Result]) -> Result:
    """Run all steps without a pause: for the command line, builds and tests."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


async def run_steps_pausing(steps: Steps[Result], pause: Pause) -> Result:
    """Run all steps with `pause` (`Clock.pause`) after each stretch, to yield to other requests."""
    done = 0
    while True:
        try:
            done += next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        if done >= STRETCH_UNITS:
            done = 0
            await pause()
