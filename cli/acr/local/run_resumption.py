"""Goes on with accepted runs, in the background: the local Workflow engine wakes no instance by itself."""

from collections.abc import Callable
from pathlib import Path

from acr.errors import CliError
from acr.local.background_work import BackgroundWork
from acr.output.terminal import end_sentence, say
from acr.targets.settings import Target

QUIET_S = 0.5  # requests made right after the start go first


class RunResumption(BackgroundWork):
    """`state` is the folder of the platform's state. While it has no records of runs, no request is made, so that the
    executor's Python need not start.
    """

    def __init__(self, target: Target, state: Path) -> None:
        super().__init__(self._resume)
        self._target, self._state = target, state

    def _resume(self, stops_within: Callable[[float], bool]) -> None:
        from acr.targets.executor_client import ExecutorClient  # noqa: PLC0415 - slow to import

        if stops_within(QUIET_S) or not any(self._state.glob("do/*-RunLog/*.sqlite")):
            return
        try:
            ExecutorClient(self._target).resume_runs()
        except CliError as error:
            if not stops_within(0):
                say(f"Warning: Runs that had not ended do not go on: {end_sentence(error.message)}", err=True)
