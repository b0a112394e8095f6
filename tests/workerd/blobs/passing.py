"""10 MB through five nodes as a blob: what is sent, and the memory that it takes. `benchmarks/blobs.py` prints it.

The local stand-in of R2 runs in the runtime's process too, and keeps some 3 MiB for each MiB that it is given until V8
collects that, up to some 100: so it is given as much at first, by others than the executor.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from workerd.blobs.file_server import FileServer, file_of
from workerd.local_platform import LocalPlatform, find_workerd

SMALL_BYTES, BYTES = 1_000, 10_000_000
_INTERVAL_S, _SETTLED_S = 0.01, 3
_KIB_IN_MIB = 1024
_WARMING_PIECES, _PIECE_BYTES = 40, 1024 * 1024


@dataclass(frozen=True)
class Memory:
    """The resident memory of the runtime in MiB: before, at most, and after."""

    rest: float
    top: float
    after: float


def five_nodes(server: FileServer, size: int, name: str) -> dict[str, Any]:
    """A file is fetched, passes three nodes, one of which is code, and is sent."""
    return {
        "name": name,
        "flow": ["input >> PIPE >> get", "get >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c", "c >> PIPE >> put"],
        "config": {
            "get": {"component": "http_request", "url": f"{server.url}/{size}", "response": "blob"},
            "a": {"component": "set", "values": {"file": "{{get.data.body}}"}},
            "b": {"component": "code", "input": {"it": "{{a.data}}"}, "source": "return input.it"},
            "c": {"component": "set", "values": {"file": "{{b.data.file}}"}},
            "put": {
                "component": "http_request",
                "method": "PUT",
                "url": f"{server.url}/{name}",
                "body_blob": "{{c.data.file}}",
            },
        },
    }


def execute(client: httpx.Client, workflow: dict[str, Any], value: Any = None) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/execute", json={"workflow": workflow, "input": value or {}}).json()
    return answer


def measure_memory(platform: LocalPlatform, server: FileServer, rounds: int) -> Memory:
    """Of `rounds` runs with a large file, one after the other, after as many with a small one."""
    content = file_of(BYTES)
    for number in range(_WARMING_PIECES):
        platform.put_object(f"warm/{number}", content[:_PIECE_BYTES])
    with platform.executor as client:

        def send(size: int) -> None:
            for number in range(rounds):
                answer = execute(client, five_nodes(server, size, f"round{number}"))
                assert answer["success"], answer

        send(SMALL_BYTES)
        rest = _settle(platform)
        top = _watch(platform, lambda: send(BYTES))
        return Memory(rest, top, _settle(platform))


def _settle(platform: LocalPlatform) -> float:
    """The memory when the runtime has been idle for a while."""
    time.sleep(_SETTLED_S)
    return _read(platform)


def _watch(platform: LocalPlatform, work: Callable[[], None]) -> float:
    tops, done = [0.0], threading.Event()

    def look() -> None:
        while not done.wait(_INTERVAL_S):
            tops[0] = max(tops[0], _read(platform))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return tops[0]


def _read(platform: LocalPlatform) -> float:
    status = (Path("/proc") / str(find_workerd(platform)) / "status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / _KIB_IN_MIB
