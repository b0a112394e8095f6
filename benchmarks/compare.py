"""Compare the quick webhook of two checkouts, both set up (scripts/setup): two platforms side by side, in alternation.

.venv/bin/python benchmarks/compare.py OLD [NEW] [--rounds 10]    NEW is this checkout

Prints one JSON line per figure: for both, the median over the rounds of each round's median, and the increase of the
new one. "No slower" means at most 3 %.
"""

import argparse
import asyncio
import json
import os
import secrets
import signal
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from http_load import PreparedRequest, count_requests, prepare, time_requests
from run import ROOT, build_chain, push_workflow, wait_for_answer

REQUESTS_A_ROUND, LOAD_DURATION_S, SETTLE_S, LIMIT_PERCENT = 200, 2.0, 0.5, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path, nargs="?", default=ROOT)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    key = secrets.token_urlsafe(16)
    with ExitStack() as stack:
        urls = [
            stack.enter_context(running(checkout, port, key))
            for checkout, port in ((options.old, 8887), (options.new, 8897))
        ]
        asyncio.run(compare(urls, key, options.rounds))


@contextmanager
def running(checkout: Path, port: int, key: str) -> Iterator[str]:
    """Run `acr dev` of a checkout. Yields the executor's address."""
    with tempfile.TemporaryDirectory(prefix="arcrun-compare-") as folder:
        environment = {
            **os.environ,
            "ARCRUN_API_KEY": key,
            "ACR_CONFIG_DIR": f"{folder}/c",
            "ACR_CACHE_DIR": f"{folder}/s",
        }
        command = [
            str(checkout / ".venv/bin/acr"),
            "dev",
            "--persist",
            folder,
            "--port",
            str(port),
            "--no-reload",
            "--no-seed",
        ]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_for_answer(f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


async def compare(urls: list[str], key: str, rounds: int) -> None:
    cases = {"health": [prepare("GET", f"{url}/health") for url in urls]}
    for count in (1, 3, 10):
        chain = build_chain("string_ops", count)
        cases[f"webhook_{count}_nodes"] = [push_workflow(url, key, chain, {"text": "hello"}) for url in urls]
    for requests in cases.values():  # what a platform does after its first start must be over before the first figure
        for request in requests:
            await time_requests(request, REQUESTS_A_ROUND)
    for name, requests in cases.items():
        await compare_latency(name, requests, rounds)
    body = json.dumps({"workflow": build_chain("string_ops", 200)}).encode()
    plans = [prepare("POST", f"{url}/validate", {"X-Arcrun-API-Key": key}, body) for url in urls]
    await compare_latency("plan_200_nodes", plans, rounds, requests_a_round=5)
    await compare_rate("webhook_3_nodes_8_clients", cases["webhook_3_nodes"], rounds)


async def compare_latency(
    name: str, requests: list[PreparedRequest], rounds: int, requests_a_round: int = REQUESTS_A_ROUND
) -> None:
    medians: list[list[float]] = [[], []]
    for request in requests:
        await time_requests(request, requests_a_round)  # warm
    for i in range(rounds):
        for side in (0, 1) if i % 2 == 0 else (1, 0):
            latencies = await time_requests(requests[side], requests_a_round)
            medians[side].append(statistics.median(latencies))
    report(name, "ms", *map(statistics.median, medians))


async def compare_rate(name: str, requests: list[PreparedRequest], rounds: int) -> None:
    rates: list[list[float]] = [[], []]
    for i in range(rounds):
        for side in (0, 1) if i % 2 == 0 else (1, 0):
            rates[side].append((await count_requests(requests[side], 8, LOAD_DURATION_S))[0])
            await asyncio.sleep(SETTLE_S)  # the records written after the answers count for this platform
    old, new = map(statistics.median, rates)
    report(name, "ms a request", 1000 / old, 1000 / new)


def report(name: str, unit: str, old: float, new: float) -> None:
    up = (new / old - 1) * 100
    load = round(os.getloadavg()[0], 1)
    figure = {"name": name, "unit": unit, "old": round(old, 3), "new": round(new, 3), "up_percent": round(up, 1)}
    print(json.dumps({**figure, "limit": LIMIT_PERCENT, "load": load}), flush=True)


if __name__ == "__main__":
    main()
