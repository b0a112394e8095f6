"""The processor time of a run on the free plan, where the platform ends a request that has taken 10 ms of it.

It is counted in work, never read off a clock, which stands still while code computes. What a piece of it takes was
measured: benchmarks/work.py prints it for Pyodide, benchmarks/run.py the nodes, benchmarks/fuel.py the fuel.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from arcrun.errors import CpuBudgetError
from arcrun.limits import FREE_PLAN_CPU_MS, KIB
from arcrun.wasm.fuel import FUEL_A_MS
from arcrun.workflows.rendering import Rendering

# Microseconds.
RUN_WORK = 1_500  # a request, its answer and its record
NODE_WORK = 200  # an attempt of a node
UNIT_WORK = 50  # a node that is skipped, or a loop beside its iterations
STEP_WORK = 2  # a step of an expression, or of a filter
COMPILED_CHARACTER_WORK = 1  # of an expression, the first time
COMPILED_REFERENCE_WORK = 60  # of a node's templates, the first time
# For a KiB of JSON:
READ_KIB_WORK = 50
RENDERED_KIB_WORK = 70  # from templates
WRITTEN_KIB_WORK = 20


class WorkBudget:
    """Shared by a run, its loops and its sub-workflows. Without a limit nothing is counted."""

    def __init__(self, limit_us: float | None = None) -> None:
        self._left_us, self.is_limited = limit_us, limit_us is not None
        self.open_rendering: Callable[[], Rendering] = Rendering if limit_us is None else partial(_Rendering, self)

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

    def take_rendered(self, size: int) -> None:
        """For so many bytes of a node's input, as it is rendered. Raises CpuBudgetError."""
        self.take(size / KIB * RENDERED_KIB_WORK)

    def take_steps(self, steps: int) -> None:
        """Raises CpuBudgetError."""
        self.take(steps * STEP_WORK)

    def take_compiling(self, holder: object, name: str, cost_us: Callable[[Any], float]) -> None:
        """For compiling the cached property `name` of `holder`, unless it is there. It is kept in any case, so that the
        next run has it. Raises CpuBudgetError.
        """
        if name not in vars(holder):
            self.take(cost_us(getattr(holder, name)))

    def take_fuel(self, fuel: int) -> None:
        """What a component has used. Raises CpuBudgetError."""
        self.take(fuel * 1000 / FUEL_A_MS)

    def clamp_steps(self, steps: int) -> int:
        """How many an expression may take, of the `steps` that it could: one more, taken, is beyond the budget."""
        return steps if self._left_us is None else min(steps, max(0, int(self._left_us / STEP_WORK)))

    def clamp_fuel(self, fuel: int) -> int:
        """What a component may use, of the `fuel` that it would get: at least 1."""
        return fuel if self._left_us is None else min(fuel, max(1, int(self._left_us * FUEL_A_MS / 1000)))


class _Rendering(Rendering):
    """Takes what it does off a budget while it is done. Its methods raise CpuBudgetError too."""

    __slots__ = ("_work",)

    def __init__(self, work: WorkBudget) -> None:
        super().__init__()
        self._work = work

    def keep(self, value: Any) -> Any:
        before = self.bytes
        super().keep(value)
        self._work.take_rendered(self.bytes - before)
        return value

    def take(self, steps: int) -> None:
        super().take(steps)
        self._work.take_steps(steps)
