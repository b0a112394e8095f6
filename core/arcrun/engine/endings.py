"""What a line to `stop` or `break` raises. It passes through the graphs and loops that it ends."""

from arcrun.engine.context import Answer


class _EndError(Exception):
    """`answer` is what the line carries, until a graph that it ends has a better one."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class StopError(_EndError):
    """The run has ended, successfully; in a sub-workflow, the sub-workflow's."""


class BreakError(_EndError):
    """The loop around has ended. The answer is that of the element that ended it."""
