"""Runs Workers of a test's choice on the local runtime, without `acr dev`."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from acr.local.platform import find_free_ports
from acr.local.runtime_plan import HOST, api_url_of, build_plan
from acr.local.runtime_process import RuntimeProcess
from workerd.local_platform import CACHE, ROOT


@dataclass(frozen=True)
class ChosenWorkers:
    """Running Workers. `urls` has their URLs by service, and that of Cloudflare's API as "cloudflare-api"."""

    urls: Mapping[str, str]
    node_pid: int


@contextmanager
def running_workers(
    folder: Path,
    services: Collection[str],
    secrets: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    *,
    production_clock: bool = False,
) -> Iterator[ChosenWorkers]:
    """Run the Workers staged in `folder`, on its earlier state."""
    plan_path, snapshots = folder / "plan.json", CACHE / "snapshots"
    snapshots.mkdir(parents=True, exist_ok=True)
    port = find_free_ports(len(services) + 2)
    plan = build_plan(
        {service: folder / service for service in services},
        port=port,
        explorer_port=port + len(services) + 1,
        api_secret="local-secret",
        state=folder / "state",
        snapshots=snapshots,
        node_modules=ROOT / "node_modules",
        secrets=secrets,
        variables=variables,
        production_clock=production_clock,
    )
    plan_path.write_text(json.dumps(plan))
    process = RuntimeProcess(ROOT / "runtime/serve.mjs", plan_path, CACHE / "node")
    process.load()
    try:
        last = (event for event in process.events() if event.get("service") == "cloudflare-api" or "message" in event)
        ready = next(last)
        assert ready["event"] == "ready", ready
        urls = {service: f"http://{HOST}:{port + i}" for i, service in enumerate(services)}
        yield ChosenWorkers({**urls, "cloudflare-api": api_url_of(plan)}, process.pid)
    finally:
        process.stop()
