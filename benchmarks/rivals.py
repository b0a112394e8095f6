"""Compare arcrun with n8n and Node-RED. Prints one JSON line per figure, and the table of docs/benchmarks.md.

.venv/bin/python benchmarks/rivals.py --n8n URL --node-red URL [--rounds 10] [--nodes 3]

Each URL is a webhook that answers: a flow with --nodes steps, created and started manually, with that platform's usual
records of runs. This script starts arcrun, with its records on.
The request is POST {"text": "hello"}. The platforms are measured in alternation, so that other load on the machine
affects all of them: in each round one client, then eight at once. A platform without a URL is left out.
"""

import argparse
import asyncio
import json
import os
import secrets
import tempfile
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from http_load import PreparedRequest, count_requests, prepare, time_requests
from run import COMPONENT, push_chain, started_platform

T = TypeVar("T")
BODY = json.dumps({"text": "hello"}).encode()
REQUESTS_A_ROUND, WARM_REQUESTS, CLIENTS, LOAD_DURATION_S, SETTLE_S = 100, 50, 8, 2.0, 0.5


@dataclass
class Measured:
    """One platform's figures: each request's latency in milliseconds with one client; each round's answers per second
    with CLIENTS.
    """

    latencies_ms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def to_json(self, name: str) -> dict[str, object]:
        p50, p95, p99 = (round(part_of(self.latencies_ms, part), 2) for part in (0.5, 0.95, 0.99))
        rate = round(part_of(self.rates, 0.5))
        return {"name": name, "unit": "ms", "p50": p50, "p95": p95, "p99": p99, f"per_s_{CLIENTS}_clients": rate}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n8n", metavar="URL")
    parser.add_argument("--node-red", metavar="URL")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--nodes", type=int, default=3, help="steps of arcrun's workflow; the others' are fixed")
    options = parser.parse_args()
    urls = {"n8n": options.n8n, "node-red": options.node_red}
    for name, url in urls.items():
        if url and (urlsplit(url).scheme != "http" or not urlsplit(url).hostname):
            parser.error(f"--{name} must be the http:// address of a webhook")
    key = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory(prefix="arcrun-rivals-") as folder:
        cache = os.environ.get("ACR_CACHE_DIR", f"{folder}/cache")
        environment = {"ARCRUN_API_KEY": key, "ACR_CONFIG_DIR": f"{folder}/config", "ACR_CACHE_DIR": cache}
        with started_platform(Path(folder), environment) as started:
            requests = {"arcrun": push_chain(started.urls["executor"], key, COMPONENT, options.nodes)}
            requests |= {name: prepare_webhook(url) for name, url in urls.items() if url}
            measured = asyncio.run(measure(requests, options.rounds))
    machine = {"processors": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "nodes": options.nodes}
    for name, one in measured.items():
        print(json.dumps({**one.to_json(name), "rounds": options.rounds, **machine}))
    print(render_table(measured))


def prepare_webhook(url: str) -> PreparedRequest:
    return prepare("POST", url, {"Content-Type": "application/json"}, BODY)


async def measure(requests: Mapping[str, PreparedRequest], rounds: int) -> dict[str, Measured]:
    """The figures by platform. Raises RuntimeError for a status other than 2xx, OSError if one does not answer."""
    measured = {name: Measured() for name in requests}
    for name, request in requests.items():
        await named(name, time_requests(request, WARM_REQUESTS))
    for i in range(rounds):
        for name in order_of_round(list(requests), i):
            one = measured[name]
            one.latencies_ms += await named(name, time_requests(requests[name], REQUESTS_A_ROUND))
            one.rates.append((await named(name, count_requests(requests[name], CLIENTS, LOAD_DURATION_S)))[0])
            await asyncio.sleep(SETTLE_S)  # the records written after the answers count for this platform
    return measured


def order_of_round(names: Sequence[str], number: int) -> list[str]:
    """The names, rotated so that another one is first in each round."""
    first = number % len(names)
    return [*names[first:], *names[:first]]


async def named(name: str, work: Awaitable[T]) -> T:
    try:
        return await work
    except (OSError, RuntimeError, asyncio.IncompleteReadError) as error:
        raise SystemExit(f"{name} failed: {error}") from None


def part_of(values: Sequence[float], part: float) -> float:
    """The value below which `part` of the values are."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def render_table(measured: Mapping[str, Measured]) -> str:
    head = ["platform", "p50 ms", "p95 ms", "p99 ms", f"requests/s, {CLIENTS} clients"]
    rows = [list(map(str, one.to_json(name).values())) for name, one in measured.items()]
    lines = [head, ["---"] * len(head), *([row[0], *row[2:]] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
