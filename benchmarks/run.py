"""Measure the platform. Prints one JSON line per figure: {"name", "unit", "p50", "p95", "p99", "limit", ...}.

.venv/bin/python benchmarks/run.py                          start a platform and measure it
.venv/bin/python benchmarks/run.py --url U --key K          measure a running one (without boot)
... --api-url A                                             its Cloudflare API, for the figures about the bucket
... --runs 100000                                           measure memory after this many runs (10,000)

CPU time and memory are measured only if the platform is started here. The first line is the machine's load.
"""

import argparse
import asyncio
import json
import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from http_load import PreparedRequest, count_requests, prepare, repeat_requests, time_last, time_requests
from processes import Processes, find_processes

from acr.local.platform import find_free_ports
from acr.parts.uploads import metered_object
from acr.targets.local_record import list_local_records
from arcrun.contracts.parse import parse_contract
from arcrun.credentials.redaction import Redactor
from arcrun.yaml_text import parse_yaml, render_yaml

ROOT = Path(__file__).resolve().parents[1]
ACR = str(Path(sys.executable).parent / "acr")
COMPONENT = "string_ops"
WARM_UP = 1_500  # requests until V8 has compiled what they run
REPEATS, PLAN_REPEATS, COLD_REPEATS, LOAD_DURATION_S = 1_000, 20, 20, 5.0
SETTLE_S = 0.5  # in which records of runs are written, and the registry is told of them


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="the executor's address")
    parser.add_argument("--key", help="its API key")
    parser.add_argument("--api-url", help="Cloudflare's API for it, to put components into its bucket")
    parser.add_argument("--runs", type=int, default=10_000, help="runs before memory is measured")
    options = parser.parse_args()
    print(json.dumps({"name": "load_average", "one_minute": os.getloadavg()[0], "processors": os.cpu_count()}))
    measure_desk()
    if options.url:
        asyncio.run(measure(options.url, options.key, options.api_url, Meter()))
        return
    with fresh_state() as (folder, key, environment):
        for name, limit_s in (("boot_without_snapshot", 4.5), ("boot_with_snapshot", 1.5)):
            with started_platform(folder, environment) as started:
                report(name, "s", [started.first_answer_s], limit_s)
                for service in ("registry", "auth"):  # their snapshots are there from now on
                    wait_for_answer(f"{started.urls[service]}/health")
        with started_platform(folder, environment) as started:
            asyncio.run(measure_memory(started.urls["executor"], key, started.processes, options.runs))
        with started_platform(folder, environment) as started:
            urls = started.urls
            asyncio.run(measure(urls["executor"], key, urls["cloudflare-api"], Meter(started.processes)))
            asyncio.run(measure_counting(urls["registry"], key))


def measure_desk() -> None:
    """What needs no platform: the start of the command line, and the search for secrets in a record without any."""
    help_ms, scrub_us = [], []
    for _ in range(COLD_REPEATS):
        started = time.perf_counter()
        subprocess.run([ACR, "--help"], check=True, capture_output=True)
        help_ms.append((time.perf_counter() - started) * 1000)
    report("acr_help", "ms", help_ms, 200)
    record = {"trace": [{"node": f"n{i}", "output": {"data": {"text": "lorem ipsum " * 20}}} for i in range(400)]}
    redactor = Redactor(["123456789:abc-defghijklmnopqrstuvwxyz", "sk-live_0123456789abcdefABCDEF"])
    for _ in range(REPEATS):
        started = time.perf_counter()
        redactor.scrub(record)
        scrub_us.append((time.perf_counter() - started) * 1e6)
    report("redact_record", "us", scrub_us, record_kb=len(json.dumps(record)) // 1000, secrets=2)


@contextmanager
def fresh_state(**more: str) -> Iterator[tuple[Path, str, dict[str, str]]]:
    """A folder for a platform's state, an API key, and the platform's environment, with `more` variables."""
    with tempfile.TemporaryDirectory(prefix="arcrun-benchmark-") as folder:
        key = secrets.token_urlsafe(16)
        own = {"ARCRUN_API_KEY": key, "ACR_CONFIG_DIR": f"{folder}/config", "ACR_CACHE_DIR": f"{folder}/cache"}
        yield Path(folder), key, {**own, **more}


@dataclass(frozen=True)
class Started:
    """`acr dev`: the seconds from its start to the executor's first answer, and the services' addresses."""

    first_answer_s: float
    urls: dict[str, str]
    processes: Processes


@contextmanager
def started_platform(folder: Path, environment: dict[str, str]) -> Iterator[Started]:
    started = time.monotonic()
    port = find_free_ports(4)
    command = [ACR, "dev", "--persist", str(folder / "state"), "--port", str(port), "--no-reload", "--no-seed"]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
    try:
        first_answer_s = wait_for_answer(f"http://127.0.0.1:{port}/health", started)
        assert process.stdout is not None
        urls = dict(process.stdout.readline().split()[1:] for _ in range(4))
        (record,) = list_local_records(Path(environment["ACR_CONFIG_DIR"]) / "running")
        urls["cloudflare-api"] = record.api_url
        yield Started(first_answer_s, urls, find_processes(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def wait_for_answer(url: str, started: float | None = None) -> float:
    """Seconds from `started`, a time of the monotonic clock, until it answers."""
    started = time.monotonic() if started is None else started
    while time.monotonic() - started < 60:
        try:
            httpx.get(url, timeout=30).raise_for_status()
        except httpx.TransportError:  # nobody listens yet, or the one who does still begins
            time.sleep(0.01)
        else:
            return time.monotonic() - started
    raise SystemExit(f"{url} did not answer within 60 s")


async def measure_memory(url: str, key: str, processes: Processes, runs: int) -> None:
    """Memory when nothing has run yet, when the first runs have started Python in the registry (which counts them), and
    after many runs of three nodes.
    """
    report("memory_at_rest", "MiB", [processes.memory_mib()], limit=450)
    hook = push_chain(url, key, COMPONENT, 3)
    await repeat_requests(hook, 8, 200)
    await asyncio.sleep(4 * SETTLE_S)
    before_mib, before_ms = processes.runtime_memory_mib(), processes.runtime_processor_ms()
    report("memory_after_first_runs", "MiB", [processes.memory_mib()], runs=200)
    await repeat_requests(hook, 8, runs)
    await asyncio.sleep(SETTLE_S)
    report("processor_time_3_nodes", "ms", [(processes.runtime_processor_ms() - before_ms) / runs], limit=1.2)
    report("memory_grown", "MiB", [processes.runtime_memory_mib() - before_mib], limit=60, runs=runs)


@dataclass(frozen=True)
class Meter:
    """Times requests and reports them: the latencies of one client, or of several at once with the answers a second.
    With `processes` also the runtime's processor time of one request, the records of its run included.
    """

    processes: Processes | None = None

    async def time(
        self, name: str, request: PreparedRequest, limit: float | None = None, count: int = REPEATS
    ) -> float:
        """The median in milliseconds. A tenth as many requests go before, unmeasured."""
        await time_requests(request, max(count // 10, 3))
        before_ms = await self._processor_ms()
        latencies = await time_requests(request, count)
        report(name, "ms", latencies, limit, **await self._processor_since(before_ms, count))
        return statistics.median(latencies)

    async def load(self, name: str, request: PreparedRequest, clients: int, minimum_per_s: int) -> None:
        before_ms = await self._processor_ms()
        rate, latencies = await count_requests(request, clients, LOAD_DURATION_S)
        figures = {"requests_per_s": round(rate), "minimum_per_s": minimum_per_s}
        report(name, "ms", latencies, **figures, **await self._processor_since(before_ms, len(latencies)))

    async def _processor_since(self, before_ms: float, count: int) -> dict[str, float]:
        return {"processor_ms": round((await self._processor_ms() - before_ms) / count, 2)} if self.processes else {}

    async def _processor_ms(self) -> float:
        if self.processes is None:
            return 0.0
        await asyncio.sleep(SETTLE_S)
        return self.processes.runtime_processor_ms()


async def measure(url: str, key: str, api_url: str | None, meter: Meter) -> None:
    await time_requests(push_chain(url, key, COMPONENT, 3), WARM_UP)
    await meter.time("health", prepare("GET", f"{url}/health"), limit=3)
    medians = {}
    for count, limit in ((1, None), (3, 1.0), (10, 1.8)):
        medians[count] = await meter.time(f"webhook_{count}_nodes", push_chain(url, key, COMPONENT, count), limit)
    per_node_ms = (medians[10] - medians[1]) / 9
    report("per_node", "ms", [per_node_ms], limit=0.11)
    await measure_language(url, key, meter)
    hook = push_chain(url, key, COMPONENT, 3)
    for clients in (8, 32):
        await meter.load(f"webhook_3_nodes_{clients}_clients", hook, clients, minimum_per_s=800)
    if api_url:
        await measure_bucket(url, key, api_url, per_node_ms, meter)


async def measure_counting(registry_url: str, key: str) -> None:
    """Reports of one run each, all of the same component: each is one call of the Durable Object."""
    record = {"canonical_id": COMPONENT, "version": "v1", "success": True, "duration_ms": 1.5}
    body = json.dumps(record).encode()
    counted = prepare("POST", f"{registry_url}/analytics/record", {"X-Arcrun-API-Key": key}, body)
    await time_requests(counted, 30)
    rate, latencies = await count_requests(counted, 8, LOAD_DURATION_S)
    report("analytics_record_8_clients", "ms", latencies, requests_per_s=round(rate))


async def measure_language(url: str, key: str, meter: Meter) -> None:
    """Planning a workflow of 200 nodes, as an object and as YAML (which PyYAML reads slowly in a Worker); waits beside
    each other.
    """
    workflow = build_chain(COMPONENT, 200)
    for name, source, limit in (
        ("plan_200_nodes", workflow, 50),
        ("plan_200_nodes_yaml", render_yaml(workflow), None),
    ):
        body = json.dumps({"workflow": source}).encode()
        validate = prepare("POST", f"{url}/validate", {"X-Arcrun-API-Key": key}, body)
        await meter.time(name, validate, limit, PLAN_REPEATS)
    loop = build_chain(COMPONENT, 1) | {"flow": ["input >> FOREACH item IN input.items >> n0"]}
    loop["config"] = {"n0": {**loop["config"]["n0"], "input": "{{item}}"}, "input": {"foreach": {"concurrency": 8}}}
    hook = push_workflow(url, key, loop, {"items": [str(i) for i in range(1_000)]})
    await meter.time("foreach_1000", hook, 120, PLAN_REPEATS)
    waits = [f"w{i}" for i in range(10)]
    flow = [f"input >> ON_SUCCESS >> {name}" for name in waits]
    fan = {"name": "bench_fan", "flow": flow, "config": {name: {"component": "wait", "ms": 50} for name in waits}}
    hook = push_workflow(url, key, fan, {})
    await meter.time("fan_out_10_waits_of_50_ms", hook, 120, PLAN_REPEATS)


async def measure_bucket(url: str, key: str, api_url: str, per_node_ms: float, meter: Meter) -> None:
    """The same component from the bucket: warm; cold (bytes that the platform has never seen), with the metered module
    there, as an earlier use or a deploy leaves it; and at its first use, which makes it.
    """
    put_copy(api_url, "bench_warm")
    medians = {}
    for count in (1, 3, 10):
        medians[count] = await meter.time(f"webhook_{count}_bucket_nodes", push_chain(url, key, "bench_warm", count))
    bucket_node_ms = (medians[10] - medians[1]) / 9
    report("bucket_warm_over_builtin", "ms", [bucket_node_ms - per_node_ms], limit=1.0)
    health = prepare("GET", f"{url}/health")  # the platform serves already; it is the component that is cold
    for name, metered, limit in (("bucket_cold", True, 25), ("bucket_first_use", False, None)):
        cold = []
        for i in range(COLD_REPEATS):
            put_copy(api_url, f"{name}_{i}", metered=metered)
            cold.append(await time_last(health, health, health, execute_request(url, key, f"{name}_{i}")))
        report(name, "ms", cold, limit)


def push_chain(url: str, key: str, component: str, count: int) -> PreparedRequest:
    """Store a chain of `count` nodes and prepare its webhook's request."""
    return push_workflow(url, key, build_chain(component, count), {"text": "hello"})


def push_workflow(url: str, key: str, workflow: dict[str, Any], input_value: Any) -> PreparedRequest:
    answer = httpx.post(f"{url}/webhooks", json={"workflow": workflow}, headers={"X-Arcrun-API-Key": key}, timeout=60)
    answer.raise_for_status()
    return prepare("POST", answer.json()["data"]["webhook_url"], body=json.dumps(input_value).encode())


def build_chain(component: str, count: int) -> dict[str, Any]:
    names = [f"n{i}" for i in range(count)]
    config: dict[str, Any] = {}
    for i, name in enumerate(names):
        text = "{{input.text}}" if i == 0 else f"{{{{{names[i - 1]}.data.result}}}}"
        config[name] = {"component": component, "operation": "upper", "input": text}
    flow = [f"{a} >> ON_SUCCESS >> {b}" for a, b in zip(["input", *names[:-1]], names, strict=True)]
    return {"name": f"bench_{component}_{count}", "flow": flow, "config": config}


def execute_request(url: str, key: str, component: str) -> PreparedRequest:
    body = json.dumps({"component": component, "input": {"operation": "upper", "input": "hello"}}).encode()
    return prepare("POST", f"{url}/execute", {"X-Arcrun-API-Key": key}, body)


def put_copy(api_url: str, component_id: str, *, metered: bool = False) -> None:
    """Put the component under another id. A custom section of random bytes gives it a hash of its own."""
    folder = ROOT / "components" / COMPONENT
    noise = b"\x05bench" + secrets.token_bytes(16)
    module = (folder / f"{COMPONENT}.wasm").read_bytes() + bytes([0, len(noise)]) + noise
    contract = {
        **parse_yaml((folder / "contract.yaml").read_text(encoding="utf-8")).value,
        "canonical_id": component_id,
    }
    objects = {f"{component_id}.wasm": module, f"{component_id}.contract.yaml": json.dumps(contract).encode()}
    if metered:
        objects |= [metered_object(parse_contract(contract), module)]
    for name, content in objects.items():
        target = f"{api_url}/r2/buckets/arcrun-components/objects/{quote(name, safe='')}"
        httpx.put(target, content=content).raise_for_status()


def report(name: str, unit: str, values: list[float], limit: float | None = None, **more: float) -> None:
    ordered = sorted(values)
    p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.95, 0.99))
    figure = {"name": name, "unit": unit, "p50": round(statistics.median(ordered), 3)}
    figure |= {"p95": round(p95, 3), "p99": round(p99, 3)} if len(ordered) > 1 else {}
    limits = {} if limit is None else {"limit": limit}
    print(json.dumps({**figure, "count": len(ordered), **limits, **more}), flush=True)


if __name__ == "__main__":
    main()
