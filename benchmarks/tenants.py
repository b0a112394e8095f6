"""Measure the hosted mode. Prints one JSON line per figure, like run.py.

.venv/bin/python benchmarks/tenants.py [--seconds N]

It starts an account's own platform and a hosted one, and sends both the same requests, alternately: the difference is
the cost of finding the tenant, with everything in the isolate's cache. Then one tenant floods the hosted one at ten
times its limit, in phases of N seconds that alternate with quiet ones, while another works as before.
"""

import argparse
import asyncio
import base64
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
from http_load import PreparedRequest, prepare
from run import ACR, COMPONENT, ROOT, build_chain, report

from acr.local.platform import find_free_ports

sys.path.insert(0, str(ROOT / "tests"))
from fakes.cloudflare_rest.api import CloudflareApiStandIn, served

KEY, REPEATS, WARM_UP, PHASES = "benchmark-key-0123456789", 500, 50, 4
LIMIT_A_MINUTE = 600  # a tenant's, from arcrun/accounts/limits.py and workers/executor/wrangler.toml
FLOOD_A_SECOND = 10 * LIMIT_A_MINUTE / 60
WORK_A_SECOND = 8.0
LETTERS = "ab"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="the length of a phase")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="arcrun-tenants-") as folder, stand_in() as api_url:
        hosting = {"CLOUDFLARE_API_BASE_URL": api_url, "MULTI_TENANT": "true"}
        burst = {**hosting, "TENANT_BURST_REQUESTS": str(LIMIT_A_MINUTE)}
        with platform(Path(folder) / "own", {}) as own, platform(Path(folder) / "hosted", burst) as hosted:
            keys = [register(hosted["auth"], letter) for letter in LETTERS]
            asyncio.run(measure_resolution(own["executor"], hosted["executor"], keys[0]))
        with platform(Path(folder) / "hosted", hosting) as hosted:
            measure_flood(hosted["executor"], keys, options.seconds)


def serve_stand_in(pipe: Connection) -> None:
    cloudflare = CloudflareApiStandIn()
    for letter in LETTERS:
        cloudflare.add_token(f"token-{letter}", letter * 32)
        cloudflare.add_namespace(letter * 32, letter * 32)
    with served(cloudflare) as base_url:
        pipe.send(base_url)
        pipe.recv()


@contextmanager
def stand_in() -> Iterator[str]:
    """Run a stand-in for Cloudflare's API in another process. Yields its base URL."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve_stand_in, args=(theirs,))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join()


@contextmanager
def platform(folder: Path, variables: dict[str, str]) -> Iterator[dict[str, str]]:
    """Run `acr dev`. Yields the services' addresses."""
    own = {"ARCRUN_API_KEY": KEY, "ACR_CONFIG_DIR": f"{folder}/config", "ACR_CACHE_DIR": f"{folder.parent}/cache"}
    command = [ACR, "dev", "--persist", str(folder), "--port", str(find_free_ports(4)), "--no-reload"]
    process = subprocess.Popen(command, env={**os.environ, **own, **variables}, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield dict(process.stdout.readline().split()[1:] for _ in range(4))
    finally:
        process.terminate()
        process.communicate()


def register(auth_url: str, letter: str) -> str:
    """Register a tenant. Returns its API key."""
    body = {"email": f"{letter}@example.com", "account_id": letter * 32, "kv_namespace_id": letter * 32}
    data_key = base64.b64encode(letter.encode() * 32).decode()
    headers = {"CF-Api-Token": f"token-{letter}", "X-Arcrun-Data-Key": data_key}
    answer = httpx.post(f"{auth_url}/register", json=body, headers=headers, timeout=60).raise_for_status()
    key: str = answer.json()["data"]["api_key"]
    return key


class Line:
    """A keep-alive connection for repeating one request."""

    def __init__(self, request: PreparedRequest) -> None:
        self._request = request
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> tuple[int, float]:
        """The status, and the latency in milliseconds."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._request.host, self._request.port)
        reader, writer = self._streams
        started = time.perf_counter()
        writer.write(self._request.content)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        await reader.readexactly(length)
        return int(head.split(b" ", 2)[1]), (time.perf_counter() - started) * 1000


async def measure_resolution(own_url: str, hosted_url: str, api_key: str) -> None:
    """Time calls of one component on both, alternately, with fewer requests than a tenant's limit per minute."""
    body = json.dumps({"component": COMPONENT, "input": {"operation": "upper", "input": "hello"}}).encode()
    lines = [
        Line(prepare("POST", f"{url}/execute", {"X-Arcrun-API-Key": key}, body))
        for url, key in ((own_url, KEY), (hosted_url, api_key))
    ]
    taken: list[list[float]] = [[], []]
    for turn in range(WARM_UP + REPEATS):
        for line, latencies in zip(lines, taken, strict=True):
            status, latency_ms = await line.ask()
            if status != 200:
                raise SystemExit(f"HTTP {status} within the limit of {LIMIT_A_MINUTE} per minute")
            if turn >= WARM_UP:
                latencies.append(latency_ms)
    for name, latencies in zip(("execute_own", "execute_hosted"), taken, strict=True):
        report(name, "ms", latencies)
    report("tenant_resolution", "ms", [statistics.median(taken[1]) - statistics.median(taken[0])], limit=1.0)


def measure_flood(url: str, keys: list[str], seconds: float) -> None:
    flooding, working = (push_hook(url, key) for key in keys)
    quiet, flooded = list[float](), list[float]()
    asyncio.run(work(working, seconds / 4))
    for _ in range(PHASES):
        quiet += asyncio.run(work(working, seconds))
        flood = multiprocessing.get_context("spawn").Process(target=run_flood, args=(flooding, seconds))
        flood.start()
        flooded += asyncio.run(work(working, seconds))
        flood.join()
    report("other_tenant_in_quiet", "ms", quiet)
    report("other_tenant_in_flood", "ms", flooded)
    rise = (p95_of(flooded) / p95_of(quiet) - 1) * 100
    report("p95_raised_by_flood", "%", [rise], limit=20, flood_per_s=FLOOD_A_SECOND)


def push_hook(url: str, key: str) -> PreparedRequest:
    body = {"workflow": build_chain(COMPONENT, 3)}
    answer = httpx.post(f"{url}/webhooks", json=body, headers={"X-Arcrun-API-Key": key}, timeout=60).raise_for_status()
    return prepare("POST", answer.json()["data"]["webhook_url"], body=b'{"text": "hello"}')


async def work(request: PreparedRequest, seconds: float) -> list[float]:
    """The latencies of a tenant that stays within its limit."""
    line, latencies = Line(request), []
    started = time.perf_counter()
    for turn in range(int(seconds * WORK_A_SECOND)):
        await asyncio.sleep(max(0.0, started + turn / WORK_A_SECOND - time.perf_counter()))
        status, latency_ms = await line.ask()
        if status != 200:
            raise SystemExit(f"HTTP {status} for a tenant within its limit")
        latencies.append(latency_ms)
    return latencies


def run_flood(request: PreparedRequest, seconds: float) -> None:
    asyncio.run(flood(request, seconds))


async def flood(request: PreparedRequest, seconds: float, clients: int = 10) -> None:
    """Send FLOOD_A_SECOND requests per second over `clients` concurrent connections."""
    statuses: list[int] = []

    async def one_client(number: int) -> None:
        line, started = Line(request), time.perf_counter() + number / FLOOD_A_SECOND
        for turn in range(int(seconds * FLOOD_A_SECOND / clients)):
            await asyncio.sleep(max(0.0, started + turn * clients / FLOOD_A_SECOND - time.perf_counter()))
            statuses.append((await line.ask())[0])

    started = time.perf_counter()
    await asyncio.gather(*(one_client(number) for number in range(clients)))
    counts = {str(status): statuses.count(status) for status in sorted(set(statuses))}
    figure = {"name": "flood", "unit": "requests/s", "rate": round(len(statuses) / (time.perf_counter() - started), 1)}
    print(json.dumps({**figure, "statuses": counts}), flush=True)


def p95_of(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


if __name__ == "__main__":
    main()
