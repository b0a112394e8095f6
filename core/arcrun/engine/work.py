"""The processor time of a run on the free plan, where the platform ends a request that has taken 10 ms of it.

It is counted in work, never read off a clock, which stands still while code computes. What a piece of it takes was
measured: benchmarks/work.py prints it for Pyodide, benchmarks/run.py the nodes, benchmarks/fuel.py the fuel.
"""

from arcrun.errors import CpuBudgetError
from arcrun.limits import FREE_PLAN_CPU_MS, KIB
from arcrun.wasm.fuel import FUEL_A_MS

# Microseconds.
RUN_WORK = 1_500  # a request, its answer and its record
NODE_WORK = 200  # an attempt of a node
STEP_WORK = 2  # a step of an expression
# For a KiB of JSON:
READ_KIB_WORK = 50
RENDERED_KIB_WORK = 70  # from templates
WRITTEN_KIB_WORK = 20


class WorkBudget:
    """Shared by a run, its loops and its sub-workflows. Without a limit nothing is counted."""

    def __init__(self, limit_us: float | None = None) -> None:
        self._left_us = limit_us

    @property
    def is_limited(self) -> bool:
        return self._left_us is not None

    @classmethod
    def of_free_plan(cls) -> "WorkBudget":
        return cls(FREE_PLAN_CPU_MS * 1000 - RUN_WORK)

    def note(self, work_us: float) -> None:
        """Work that has been done."""
        if self._left_us is not None:
            self._left_us -= work_us

    def require_kept(self) -> None:
        """Raises CpuBudgetError if more has been done than may be."""
        if self._left_us is not None and self._left_us < 0:
            raise CpuBudgetError(FREE_PLAN_CPU_MS)

    def take(self, work_us: float) -> None:
        """Raises CpuBudgetError."""
        self.note(work_us)
        self.require_kept()

    def take_read(self, length: int) -> None:
        """For a JSON text of so many characters that is read. Raises CpuBudgetError."""
        self.take(length / KIB * READ_KIB_WORK)

    def take_written(self, length: int) -> None:
        """For one that is made. Raises CpuBudgetError."""
        self.take(length / KIB * WRITTEN_KIB_WORK)

    def take_fuel(self, fuel: int) -> None:
        """What a component has used. Raises CpuBudgetError."""
        self.take(fuel * 1000 / FUEL_A_MS)

    def clamp_fuel(self, fuel: int) -> int:
        """What a component may use, of the `fuel` that it would get: at least 1."""
        return fuel if self._left_us is None else min(fuel, max(1, int(self._left_us * FUEL_A_MS / 1000)))
