"""Seeds the registry of `acr dev` while the platform serves already."""

import threading
from pathlib import Path

from acr.registry_client import RegistryClient
from acr.render_seeding import seed_and_report
from acr.settings import RegistryTarget

QUIET_S = 1.0  # what is asked right after the start comes first
PAUSE_S = 0.05  # between two components, for what has come in meanwhile: workerd does one thing at a time
JOIN_TIMEOUT_S = 5


class BackgroundSeeding:
    """`announce_stop`, end the platform, `join`: a request that the end cuts off is then no failure."""

    def __init__(self, target: RegistryTarget, home: Path) -> None:
        self._target, self._home = target, home
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._seed, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def announce_stop(self) -> None:
        self._stopping.set()

    def join(self) -> None:
        if self._thread.is_alive():
            self._thread.join(JOIN_TIMEOUT_S)

    def _seed(self) -> None:
        if not self._stopping.wait(QUIET_S):
            with RegistryClient(self._target) as client:
                seed_and_report(client, self._home, lambda: self._stopping.wait(PAUSE_S))
