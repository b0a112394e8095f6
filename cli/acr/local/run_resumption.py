"""Goes on with accepted runs, in the background: the local Workflow engine wakes no instance by itself."""

import threading
from pathlib import Path

from acr.errors import CliError
from acr.output.terminal import end_sentence, say
from acr.targets.settings import Target

QUIET_S = 0.5  # requests made right after the start go first
JOIN_TIMEOUT_S = 5


class RunResumption:
    """`state` is the folder of the platform's state. While it has no records of runs, no request is made, so that the
    executor's Python need not start.
    """

    def __init__(self, target: Target, state: Path) -> None:
        self._target, self._state = target, state
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._resume, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def announce_stop(self) -> None:
        self._stopping.set()

    def join(self) -> None:
        if self._thread.is_alive():
            self._thread.join(JOIN_TIMEOUT_S)

    def _resume(self) -> None:
        from acr.targets.executor_client import ExecutorClient  # noqa: PLC0415 - slow to import

        if self._stopping.wait(QUIET_S) or not any(self._state.glob("do/*-RunLog/*.sqlite")):
            return
        try:
            ExecutorClient(self._target).resume_runs()
        except CliError as error:
            if not self._stopping.is_set():
                say(f"Warning: Runs that had not ended do not go on: {end_sentence(error.message)}", err=True)
