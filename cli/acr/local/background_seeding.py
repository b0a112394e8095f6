"""Seeds the registry of `acr dev` in the background, while the platform already serves requests."""

import hashlib
import threading
from pathlib import Path

from acr.targets.settings import RegistryTarget

QUIET_S = 1.0  # requests made right after the start go first
PAUSE_S = 0.05  # between two components, for other requests: workerd handles one at a time
JOIN_TIMEOUT_S = 5
SEEDED = "seeded"  # a file in the state's folder with the fingerprint of the components seeded there


class BackgroundSeeding:
    """A thread that seeds the registry. To end it, call `announce_stop`, stop the platform, then `join`: a request that
    the stop interrupts is then not reported.

    `state` is the folder of the platform's state. If it says that the same components were already seeded, no request
    is made, so that the registry's Python need not start.
    """

    def __init__(self, target: RegistryTarget, home: Path, state: Path) -> None:
        self._target, self._home, self._mark = target, home, state / SEEDED
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
        from acr.parts.seeding import seed_and_report  # noqa: PLC0415
        from acr.targets.registry_client import RegistryClient  # noqa: PLC0415 - slow to import

        if self._stopping.wait(QUIET_S):
            return
        wanted = fingerprint_components(self._home)
        if self._mark.is_file() and self._mark.read_text(encoding="utf-8") == wanted:
            return
        with RegistryClient(self._target) as client:
            seeding = seed_and_report(client, self._home, lambda: self._stopping.wait(PAUSE_S))
        if not seeding.problems and not self._stopping.is_set():
            self._mark.write_text(wanted, encoding="utf-8")


def fingerprint_components(home: Path) -> str:
    """The hex SHA-256 of the built-in components' contracts and modules."""
    digest = hashlib.sha256()
    for contract in sorted((home / "components").glob("*/contract.yaml")):
        for path in (contract, contract.parent / f"{contract.parent.name}.wasm"):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(home).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()
