"""The real platform for tests: `acr dev` in a folder of its own, on free ports."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from acr.local.platform import find_free_ports

ROOT = Path(__file__).resolve().parents[2]
ACR = Path(sys.executable).parent / "acr"
API_KEY = "test-key-0123456789"
REVIEWER_KEY, ALICE_KEY = "reviewer-key-0123456789", "alice-key-0123456789"
LOG = "acr-dev.log"  # what the platform says on stderr, in its folder
CACHE = ROOT / "build/test-cache"  # memory snapshots, kept between test runs by content hash


@dataclass(frozen=True)
class LocalPlatform:
    """Addresses of the running services, and clients for them. That of Cloudflare's API is the secret of its record.

    `folder` is the --persist folder, `announced` the output of `acr dev`.
    """

    urls: dict[str, str]
    folder: Path
    process: subprocess.Popen[str]
    announced: dict[str, str]

    @property
    def executor(self) -> httpx.Client:
        return httpx.Client(base_url=self.urls["executor"], headers={"X-Arcrun-API-Key": API_KEY}, timeout=60)

    def registry(self, key: str = API_KEY) -> httpx.Client:
        return httpx.Client(base_url=self.urls["registry"], headers={"X-Arcrun-API-Key": key}, timeout=60)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which a command reaches this platform."""
        return {**_environment(self.folder), "ARCRUN_URL": self.urls["executor"]}

    def acr(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command against this platform, without a terminal."""
        return subprocess.run(
            [str(ACR), *arguments],
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def put_object(self, key: str, content: bytes) -> None:
        """Put an object into the components' bucket over Cloudflare's local REST API."""
        httpx.put(self._object_url(key), content=content, timeout=60).raise_for_status()

    def get_object(self, key: str) -> bytes | None:
        answer = httpx.get(self._object_url(key), timeout=60)
        return None if answer.status_code == 404 else answer.raise_for_status().content

    def _object_url(self, key: str) -> str:
        return f"{self.urls['cloudflare-api']}/r2/buckets/arcrun-components/objects/{quote(key, safe='')}"

    def put_component(self, module: bytes, contract: dict[str, Any]) -> str:
        """Put a component into the bucket. Returns its id."""
        component_id: str = contract["canonical_id"]
        self.put_object(f"{component_id}.wasm", module)
        self.put_object(f"{component_id}.contract.yaml", json.dumps(contract).encode())
        return component_id

    def execute(self, component_id: str, input_value: Any) -> httpx.Response:
        with self.executor as client:
            return client.post("/execute", json={"component": component_id, "input": input_value})


def _environment(folder: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ARCRUN_", "CLOUDFLARE_"))},
        "ACR_CONFIG_DIR": str(folder / "config"),
        "ACR_CACHE_DIR": str(CACHE),
        "ARCRUN_API_KEY": API_KEY,
        "ARCRUN_ALLOW_LOCAL_NETWORK": "true",  # the stand-ins of services are on this machine
        "ARCRUN_REVIEWER_KEY": REVIEWER_KEY,
        "ARCRUN_AUTHOR_KEYS": json.dumps({"alice": ALICE_KEY}),
    }


@contextmanager
def running_platform(folder: Path, *options: str, **environment: str) -> Iterator[LocalPlatform]:
    """Run `acr dev` with extra `options` and `environment` until it is ready; stop it with all its children at the end.

    Its registry is empty, unless `--seed` is among the options.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(ACR), "dev", "--port", str(find_free_ports(4)), "--no-seed", "--persist", str(folder)]
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            [*command, *options],
            cwd=folder,
            env={**_environment(folder), **environment},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        urls = {}
        for line in process.stdout:
            _, service, url = line.split()
            urls[service] = url
            if service == "cloudflare-api":
                break
        assert len(urls) == 4, f"acr dev ended with {process.wait(10)}:\n{(folder / LOG).read_text()}"
        announced = dict(urls)
        urls["cloudflare-api"] = read_record(folder, process.pid)["api_url"]
        yield LocalPlatform(urls, folder, process, announced)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def read_record(folder: Path, pid: int) -> dict[str, Any]:
    """What `acr dev`, whose process is `pid`, has written for other commands."""
    record: dict[str, Any] = json.loads((folder / f"config/running/{pid}.json").read_text())
    return record


def run_dev(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run an `acr dev` that is expected to end on its own."""
    command = [str(ACR), "dev", "--persist", str(folder), *options]
    given = {**_environment(folder), **environment}
    return subprocess.run(command, env=given, capture_output=True, text=True, check=False, timeout=60)


def find_descendants(root: int) -> dict[int, str]:
    """The descendants of the process `root`: {pid: command}."""
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                names[int(entry.name)] = (entry / "cmdline").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry.name)] = int(stat[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: names[pid] for pid in found - {root}}


def find_workerd(platform: LocalPlatform) -> int:
    """The process id of workerd."""
    found = find_descendants(platform.process.pid).items()
    [pid] = [pid for pid, command in found if "workerd" in command.split("\0")[0]]
    return pid
