"""Runs only the registry Worker on the local runtime, with a test's variables; its workerd can be killed."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from workerd.chosen_workers import running_workers
from workerd.local_platform import API_KEY, ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from stage import stage

HEADERS = {"X-Arcrun-API-Key": API_KEY}


@dataclass(frozen=True)
class RunningRegistry:
    url: str
    api_url: str
    node_pid: int

    def kill_workerd(self) -> None:
        """Kill workerd, as in a crash."""
        children = Path(f"/proc/{self.node_pid}/task/{self.node_pid}/children").read_text().split()
        [workerd] = [pid for pid in children if Path(f"/proc/{pid}/comm").read_text().startswith("workerd")]
        os.kill(int(workerd), signal.SIGKILL)

    def read_kv(self, namespace: str, key: str) -> str | None:
        answer = httpx.get(f"{self.api_url}/storage/kv/namespaces/{namespace}/values/{key}", timeout=60)
        return answer.text if answer.status_code == 200 else None

    def read_statistics(self) -> dict[str, dict[str, Any]]:
        """The caller's statistics, by component."""
        answer = httpx.get(f"{self.url}/analytics", headers=HEADERS, timeout=30).raise_for_status()
        return {found["canonical_id"]: found for found in answer.json()["data"]["components"]}


@contextmanager
def running_registry(folder: Path, **variables: str) -> Iterator[RunningRegistry]:
    """Run the registry on the earlier state of `folder`."""
    stage(ROOT / "workers/registry", [ROOT / "components"], folder / "registry")
    with running_workers(folder, ["registry"], {"ARCRUN_API_KEY": API_KEY}, variables) as workers:
        yield RunningRegistry(workers.urls["registry"], workers.urls["cloudflare-api"], workers.node_pid)
