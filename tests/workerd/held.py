"""Measures how long a stretch of work blocks the runtime for another caller, and how much memory it takes.

The other caller requests /health, or sends a request of its own.

Other work on the machine is excluded: a request that waited long while the runtime had little CPU time was not blocked
by it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

INTERVAL_S = 0.005
_TICKS_A_SECOND = 100


@dataclass
class Held:
    """`longest_ms` is the longest time that the other caller waited for the runtime's own work; `grown_mib` the maximum
    growth of its memory.
    """

    longest_ms: float = 0.0
    grown_mib: float = 0.0
    waited_ms: list[float] = field(default_factory=list)


def ask_health(client: httpx.Client) -> httpx.Response:
    return client.get("/health")


class Watch:
    """Watches a running platform: its executor's URL, and the process that is an ancestor of the runtime. `ask` sends
    the other caller's request.
    """

    def __init__(self, url: str, process_id: int, ask: Callable[[httpx.Client], httpx.Response] = ask_health) -> None:
        self._url, self._ask_other = url, ask
        self._runtime = Path("/proc") / str(_find_runtime(process_id))

    def during(self, work: Callable[[], object]) -> Held:
        """Send the other caller's requests while `work` runs."""
        held, done = Held(), threading.Event()
        before_mib = self._memory_mib()
        watcher = threading.Thread(target=self._ask, args=(held, done, before_mib))
        watcher.start()
        try:
            work()
        finally:
            time.sleep(2 * INTERVAL_S)
            done.set()
            watcher.join()
        return held

    def _ask(self, held: Held, done: threading.Event, before_mib: float) -> None:
        with httpx.Client(base_url=self._url, timeout=120, trust_env=False) as client:
            while not done.is_set():
                began_s, used_s = time.monotonic(), self._processor_s()
                answer = self._ask_other(client)
                assert answer.status_code == 200, answer.text
                waited_ms = (time.monotonic() - began_s) * 1000
                used_ms = (self._processor_s() - used_s) * 1000
                held.waited_ms.append(waited_ms)
                held.longest_ms = max(held.longest_ms, min(waited_ms, used_ms))
                held.grown_mib = max(held.grown_mib, self._memory_mib() - before_mib)
                time.sleep(INTERVAL_S)

    def _processor_s(self) -> float:
        """The CPU time of the thread that runs the isolates, in seconds."""
        return int((self._runtime / "schedstat").read_text().split()[0]) / 1e9

    def _memory_mib(self) -> float:
        fields = (self._runtime / "status").read_text().partition("VmRSS:")[2].split()
        return int(fields[0]) / 1024


def _find_runtime(process_id: int) -> int:
    """The process named workerd among the descendants of `process_id`."""
    for child in _descendants(process_id):
        if (Path("/proc") / str(child) / "comm").read_text().strip() == "workerd":
            return child
    raise AssertionError("no workerd runs below the platform's process")


def _descendants(process_id: int) -> Iterator[int]:
    listed = (Path("/proc") / str(process_id) / "task").glob("*/children")
    for child in (int(text) for path in listed for text in path.read_text().split()):
        yield child
        yield from _descendants(child)
