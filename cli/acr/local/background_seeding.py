"""Seeds the registry of `acr dev` while the platform serves already."""

import hashlib
import threading
from pathlib import Path

from acr.targets.settings import RegistryTarget

QUIET_S = 1.0  # what is asked right after the start comes first
PAUSE_S = 0.05  # between two components, for what has come in meanwhile: workerd does one thing at a time
JOIN_TIMEOUT_S = 5
SEEDED = "seeded"  # the file in the state's folder that says which components the registry there has had


class BackgroundSeeding:
    """`announce_stop`, end the platform, `join`: a request that the end cuts off is then no failure.

    `state` is the folder of the platform's state. Where it says that the same components were seeded before, the
    registry is asked nothing: its Python need not start.
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
        from acr.targets.registry_client import RegistryClient  # noqa: PLC0415 - an HTTP client, which the start need not wait for

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
    """Of the built-in components' contracts and modules."""
    digest = hashlib.sha256()
    for contract in sorted((home / "components").glob("*/contract.yaml")):
        for path in (contract, contract.parent / f"{contract.parent.name}.wasm"):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(home).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()
