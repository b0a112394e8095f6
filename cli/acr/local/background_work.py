"""Work of `acr dev` in the background, while the platform already serves requests."""

import threading
from collections.abc import Callable

JOIN_TIMEOUT_S = 5


class BackgroundWork:
    """A thread that does `work`, which gets a function that waits for some seconds and tells whether to stop.

    To end it, call `announce_stop`, stop the platform, then `join`: a request that the stop interrupts is then not
    reported.
    """

    def __init__(self, work: Callable[[Callable[[float], bool]], None]) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=work, args=(self._stopping.wait,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def announce_stop(self) -> None:
        self._stopping.set()

    def join(self) -> None:
        if self._thread.is_alive():
            self._thread.join(JOIN_TIMEOUT_S)
