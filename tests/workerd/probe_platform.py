"""The probe Worker, with auth as its peer, on the local runtime."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from acr.local_platform import find_free_ports
from acr.runtime_plan import build_plan
from acr.runtime_process import RuntimeProcess
from workerd.local_platform import CACHE, ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from stage import stage

SOURCES = {"probe": ROOT / "tests/workerd/probe", "auth": ROOT / "workers/auth"}


@contextmanager
def running_probe(folder: Path) -> Iterator[httpx.Client]:
    """A client of the probe, which runs until the end."""
    for service, source in SOURCES.items():
        stage(source, [], folder / service)
    shutil.copytree(ROOT / "workers/executor/src/executor", folder / "probe/build/executor")  # to try its parts
    plan_path, snapshots = folder / "plan.json", CACHE / "snapshots"
    snapshots.mkdir(parents=True, exist_ok=True)
    plan = build_plan(
        {service: folder / service for service in SOURCES},
        port=find_free_ports(3),
        state=folder / "state",
        snapshots=snapshots,
        node_modules=ROOT / "node_modules",
        secrets={},
    )
    plan_path.write_text(json.dumps(plan))
    process = RuntimeProcess(ROOT / "runtime/serve.mjs", plan_path, CACHE / "node")
    process.load()
    try:
        ready = next(
            event for event in process.events() if event.get("service") == "cloudflare-api" or "message" in event
        )
        assert ready["event"] == "ready", ready
        with httpx.Client(base_url=f"http://127.0.0.1:{plan['workers'][0]['port']}", timeout=30) as client:
            yield client
    finally:
        process.stop()
