"""Memory of a running `acr dev`'s processes, and CPU time of its runtime, from Linux's /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Processes:
    """The ids of acr, Node and workerd: `ids` are all of them, `runtime` is workerd's."""

    ids: tuple[int, ...]
    runtime: int

    def memory_mib(self) -> float:
        """The sum of the resident sets. Shared memory is counted for each process."""
        return sum(_resident_kib(pid) for pid in self.ids) / 1024

    def runtime_memory_mib(self) -> float:
        return _resident_kib(self.runtime) / 1024

    def runtime_processor_ms(self) -> float:
        """The runtime's CPU time so far, over all its threads."""
        fields = _read(self.runtime, "stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / _TICKS_A_SECOND


def find_processes(root: int) -> Processes:
    """The process `root` and its descendants."""
    ids, pending = [], [root]
    while pending:
        ids.append(pending.pop())
        pending += map(int, _read(ids[-1], f"task/{ids[-1]}/children").split())
    [runtime] = [pid for pid in ids if "workerd" in _read(pid, "cmdline").partition("\0")[0]]
    return Processes(tuple(ids), runtime)


def _resident_kib(pid: int) -> int:
    return int(_read(pid, "status").partition("VmRSS:")[2].split()[0])


def _read(pid: int, name: str) -> str:
    return (Path("/proc") / str(pid) / name).read_text()
