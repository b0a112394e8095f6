"""Seeds the registry of `acr dev` in the background, while the platform already serves requests."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from acr.local.background_work import BackgroundWork
from acr.targets.settings import RegistryTarget

QUIET_S = 1.0  # requests made right after the start go first
PAUSE_S = 0.05  # between two components, for other requests: workerd handles one at a time
SEEDED = "seeded"  # a file in the state's folder with the fingerprint of the components seeded there


class BackgroundSeeding(BackgroundWork):
    """`state` is the folder of the platform's state. If it says that the same components were already seeded, no
    request is made, so that the registry's Python need not start.
    """

    def __init__(self, target: RegistryTarget, home: Path, state: Path) -> None:
        super().__init__(self._seed)
        self._target, self._home, self._mark = target, home, state / SEEDED

    def _seed(self, stops_within: Callable[[float], bool]) -> None:
        from acr.parts.seeding import seed_and_report  # noqa: PLC0415
        from acr.targets.registry_client import RegistryClient  # noqa: PLC0415 - slow to import

        if stops_within(QUIET_S):
            return
        wanted = fingerprint_components(self._home)
        if self._mark.is_file() and self._mark.read_text(encoding="utf-8") == wanted:
            return
        with RegistryClient(self._target) as client:
            seeding = seed_and_report(client, self._home, lambda: stops_within(PAUSE_S))
        if not seeding.problems and not stops_within(0):
            self._mark.write_text(wanted, encoding="utf-8")


def fingerprint_components(home: Path) -> str:
    """The hex SHA-256 of the built-in components' contracts and modules."""
    digest = hashlib.sha256()
    for contract in sorted((home / "components").glob("*/contract.yaml")):
        for path in (contract, contract.parent / f"{contract.parent.name}.wasm"):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(home).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()
