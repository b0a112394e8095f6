"""Implements scripts/check_components, once everything is installed. Exits 1 if a check fails."""

import base64
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from stage import BUILTIN_COMPONENTS, ROOT, component_folders_below, stage

from acr.bench.cold_starts import ColdStart, measure_cold_starts
from acr.config.folders import cache_dir
from acr.config.worker_variables import make_api_key
from acr.local.platform import find_free_ports
from acr.local.runtime_plan import HOST, build_plan
from acr.local.runtime_process import RuntimeProcess
from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.errors import ArcrunError
from arcrun.wasm.component import build_component
from arcrun.yaml_text import parse_yaml

MAX_SIZE_BYTES, MAX_TOTAL_BYTES, MAX_COLD_START_MS = 80 * 1024, 1200 * 1024, 5.0
TIERS = ("bundle", "bucket")


@dataclass(frozen=True)
class Check:
    """A cell of the table: its text, and whether the check passed."""

    text: str
    good: bool


def main() -> None:
    folders = component_folders_below([BUILTIN_COMPONENTS])
    rebuilt = find_stale(folder.name for folder in folders)
    cold_starts_ms = measure_components(folders)
    with running_checker() as url:
        rows = {folder.name: check_component(folder, url, cold_starts_ms, rebuilt) for folder in folders}
    total_bytes = sum((folder / f"{folder.name}.wasm").stat().st_size for folder in folders)
    total = Check(f"{len(folders)} components, {total_bytes / 1024:.0f} KB in all", total_bytes <= MAX_TOTAL_BYTES)
    render(rows, total)
    sys.exit(0 if total.good and all(cell.good for row in rows.values() for cell in row.values()) else 1)


def check_component(folder: Path, url: str, cold_starts_ms: dict[str, float], stale: set[str]) -> dict[str, Check]:
    module = (folder / f"{folder.name}.wasm").read_bytes()
    try:
        contract = parse_contract(parse_yaml((folder / "contract.yaml").read_text(encoding="utf-8")).value)
        build_component(contract, module)
    except ArcrunError as error:
        return {"contract": Check(str(error), good=False)}
    cold_ms = cold_starts_ms[folder.name]
    return {
        "contract": Check("valid", good=True),
        "network": check_network(contract),
        "required": check_required(contract, url, module),
        "example": check_example(contract, url, module),
        **{tier: check_scenarios(contract, url, tier, module) for tier in TIERS},
        "size": Check(f"{len(module) / 1024:.1f} KB", len(module) <= MAX_SIZE_BYTES),
        "cold start": Check(f"{cold_ms:.1f} ms", cold_ms <= MAX_COLD_START_MS),
        "sha256": Check("differs" if folder.name in stale else "same", folder.name not in stale),
    }


def check_network(contract: Contract) -> Check:
    """The component's capabilities. Its imports have already been compared with the contract."""
    reaches = sorted(contract.capabilities)
    return Check(", ".join(reaches) or "none", good=True)


def check_required(contract: Contract, url: str, module: bytes) -> Check:
    """The component must refuse an input without a required field, naming it, and accept one with only those.

    One more is allowed where one of several must be given, or no field is required.
    """
    required = contract.input_schema.get("required", [])
    accepted = []
    for name in required:
        given = {key: value for key, value in contract.config_example.items() if key != name}
        output = ask(url, contract, "bundle", module, given)
        if output.get("success") or f"`{name}`" not in output["error"]["message"]:
            accepted.append(name)
    if accepted:
        return Check(f"not enforced: {accepted}", good=False)
    fewest = max(len(required) + bool(contract.one_of), 1)
    given_alone = (scenario.given for scenario in contract.scenarios if set(required) <= set(scenario.given))
    smallest = [given for given in given_alone if len(given) <= fewest]
    if not any(gets_on(ask(url, contract, "bundle", module, given)) for given in smallest):
        return Check(f"no scenario with only {required} succeeds", good=False)
    return Check(str(len(required)), good=True)


def check_example(contract: Contract, url: str, module: bytes) -> Check:
    output = ask(url, contract, "bundle", module, contract.config_example)
    return Check("runs", good=True) if gets_on(output) else Check(output["error"]["message"], good=False)


def gets_on(output: dict[str, Any]) -> bool:
    """Whether the call succeeded or, for a component that calls the host, failed only for lack of a stub."""
    return bool(output.get("success")) or output["error"]["code"] == "NO_STUB"


def check_scenarios(contract: Contract, url: str, tier: str, module: bytes) -> Check:
    body = {"component": contract.canonical_id, "tier": tier, "module": base64.b64encode(module).decode()}
    results = httpx.post(url, json=body, timeout=60).raise_for_status().json()
    failed = [f"{result['scenario']}: {result['deviation']}" for result in results if result["deviation"]]
    text = f"{len(results) - len(failed)}/{len(results)}"
    return Check("\n".join([text, *failed]), not failed and len(results) >= 2)


def ask(url: str, contract: Contract, tier: str, module: bytes, given: Any) -> dict[str, Any]:
    """The component's output for one input, without stubs."""
    body = {"component": contract.canonical_id, "tier": tier, "module": base64.b64encode(module).decode()}
    answer: dict[str, Any] = httpx.post(url, json={**body, "given": given}, timeout=60).raise_for_status().json()
    return answer


def find_stale(ids: Iterator[str]) -> set[str]:
    """The components whose committed module differs from what their source builds."""
    result = subprocess.run([ROOT / "scripts/build_components", "--check"], capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return set()
    return {name for name in ids if f"components/{name}/" in result.stderr} or {"?"}


def measure_components(folders: list[Path]) -> dict[str, float]:
    """The median of nine cold starts of each component, in milliseconds."""
    wanted = {}
    for folder in folders:
        example = parse_yaml((folder / "contract.yaml").read_text(encoding="utf-8")).value["config_example"]
        wanted[folder.name] = ColdStart(folder / f"{folder.name}.wasm", json.dumps(example), count=9)
    return {name: statistics.median(times) for name, times in measure_cold_starts(ROOT, wanted).items()}


@contextmanager
def running_checker() -> Iterator[str]:
    """Run the checker Worker on the local runtime. Yields its address."""
    with tempfile.TemporaryDirectory(prefix="arcrun-check-") as name:
        folder = Path(name)
        stage(ROOT / "scripts/checker", [BUILTIN_COMPONENTS], folder / "checker")
        snapshots = cache_dir() / "snapshots"
        snapshots.mkdir(parents=True, exist_ok=True)
        port = find_free_ports(3)
        plan = build_plan(
            {"checker": folder / "checker"},
            port=port,
            explorer_port=port + 2,
            api_secret=make_api_key(),
            state=folder / "state",
            snapshots=snapshots,
            node_modules=ROOT / "node_modules",
            secrets={},
        )
        (folder / "plan.json").write_text(json.dumps(plan))
        process = RuntimeProcess(ROOT / "runtime/serve.mjs", folder / "plan.json", cache_dir() / "node")
        try:
            process.load()
            event = next(process.events())
            if event["event"] != "ready":
                raise SystemExit(event["message"])
            yield f"http://{HOST}:{port}/"
        finally:
            process.stop()


def render(rows: dict[str, dict[str, Check]], total: Check) -> None:
    columns = next(iter(rows.values()))
    table = Table("component", *columns, box=None, pad_edge=False)
    for name, row in rows.items():
        table.add_row(name, *(f"[{'green' if cell.good else 'red'}]{cell.text}[/]" for cell in row.values()))
    console = Console(width=160)
    console.print(table)
    console.print(f"[{'green' if total.good else 'red'}]{total.text}[/]")


if __name__ == "__main__":
    main()
