"""The resource budgets of a run. They stop it with an error before the platform ends the Worker.

*Subrequests.* Each request to the outside is counted. The run's HTTP requests carry its depth in a chain of runs, so
that a webhook that calls itself ends.

*Work.* The free plan ends a request that has taken 10 ms of processor time. The clock stands still while code
computes, so that the time is counted in work instead. The cost of each piece of work was measured:
benchmarks/work.py prints it for Pyodide, benchmarks/run.py for nodes, benchmarks/components/fuel.py for fuel.

*Sandboxes.* The platform limits the distinct Workers of the Worker Loader that have a call in flight for one request;
several calls of one Worker count as one. https://developers.cloudflare.com/dynamic-workers/platform/limits/
Locally all isolates share one thread, so a run's concurrent calls start one after the other, with a pause before each;
otherwise they would compute in one stretch.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from arcrun.errors import CpuBudgetError, HostFunctionError, NotConfiguredError, SubrequestLimitError
from arcrun.limits import FREE_PLAN_CPU_MS, KIB, MAX_RUN_SANDBOXES, SUBREQUESTS_FREE, SUBREQUESTS_PAID
from arcrun.ports import Clock, HttpClient, HttpRequest, HttpResponse
from arcrun.templates.rendering import Rendering
from arcrun.wasm.abi import HostFunctions
from arcrun.wasm.costs import FUEL_A_MS

# Microseconds:
RUN_WORK = 1_500  # a request, its answer and its record
NODE_WORK = 200  # an attempt of a node
UNIT_WORK = 50  # a skipped node, or a loop without its iterations
UNDO_WORK = 600  # set aside for the undo of a node
STEP_WORK = 2  # a step of an expression, or of a filter
COMPILED_CHARACTER_WORK = 1  # per character of an expression, the first time
COMPILED_REFERENCE_WORK = 60  # per reference in a node's templates, the first time
PIECE_WORK = 2_000  # a piece of a blob, read or written: sealing, and copies of a MiB
# Per KiB of JSON:
READ_KIB_WORK = 50
RENDERED_KIB_WORK = 70  # from templates
WRITTEN_KIB_WORK = 20
# Reserved for the time after the run: its record (1), the part of it that is too large for a row (2), its notification
# (1), its statistics (1), and the data key in a new isolate (3).
RESERVED_SUBREQUESTS = 8
UNDO_SUBREQUESTS = 2  # set aside for the undo of a node
# Request header: the number of runs in the chain that led to the request.
DEPTH_HEADER = "arcrun-depth"


class WorkBudget:
    """The work that is left to a run, its loops and its sub-workflows. Without a limit nothing is counted."""

    def __init__(self, limit_us: float | None = None) -> None:
        self._left_us, self.is_limited = limit_us, limit_us is not None
        self.open_rendering: Callable[[], Rendering] = Rendering if limit_us is None else partial(_Rendering, self)

    @classmethod
    def of_free_plan(cls) -> "WorkBudget":
        return cls(FREE_PLAN_CPU_MS * 1000 - RUN_WORK)

    def note(self, work_us: float) -> None:
        """Count work that has been done."""
        if self._left_us is not None:
            self._left_us -= work_us

    def require_kept(self) -> None:
        """Raises CpuBudgetError if more work has been done than allowed."""
        if self._left_us is not None and self._left_us < 0:
            raise CpuBudgetError(FREE_PLAN_CPU_MS)

    def take(self, work_us: float) -> None:
        """Count work. Raises CpuBudgetError."""
        self.note(work_us)
        self.require_kept()

    def reserve(self, work_us: float) -> None:
        """Set work aside for later. Raises CpuBudgetError."""
        self.take(work_us)

    def release(self, work_us: float) -> None:
        """Allow work that has been set aside, also if the budget is exceeded."""
        if self._left_us is not None:
            self._left_us = max(self._left_us, 0) + work_us

    def take_read(self, length: int) -> None:
        """Count reading a JSON string of `length` characters. Raises CpuBudgetError."""
        self.take(length / KIB * READ_KIB_WORK)

    def take_written(self, length: int) -> None:
        """Count writing a JSON string of `length` characters. Raises CpuBudgetError."""
        self.take(length / KIB * WRITTEN_KIB_WORK)

    def take_rendered(self, size: int) -> None:
        """Count rendering `size` bytes of a node's input. Raises CpuBudgetError."""
        self.take(size / KIB * RENDERED_KIB_WORK)

    def take_steps(self, steps: int) -> None:
        """Count steps of an expression or a filter. Raises CpuBudgetError."""
        self.take(steps * STEP_WORK)

    def take_compiling(self, holder: object, name: str, cost_us: Callable[[Any], float]) -> None:
        """Compile the cached property `name` of `holder` and count it, unless it is already cached. It stays cached
        even if the budget is exceeded, so that the next run has it. Raises CpuBudgetError.
        """
        if name not in vars(holder):
            self.take(cost_us(getattr(holder, name)))

    def take_fuel(self, fuel: int) -> None:
        """Count the fuel that a component has used. Raises CpuBudgetError."""
        self.take(fuel * 1000 / FUEL_A_MS)

    def clamp_steps(self, steps: int) -> int:
        """The steps that an expression may take: `steps`, or what is left of the budget. One more exceeds the
        budget.
        """
        return steps if self._left_us is None else min(steps, max(0, int(self._left_us / STEP_WORK)))

    def clamp_fuel(self, fuel: int) -> int:
        """The fuel that a component may use: `fuel`, or what is left of the budget, but at least 1."""
        return fuel if self._left_us is None else min(fuel, max(1, int(self._left_us * FUEL_A_MS / 1000)))


class _Rendering(Rendering):
    """A rendering that charges its work to a budget as it proceeds. Its methods raise CpuBudgetError too."""

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


class SubrequestBudget:
    """The subrequests of a run, its loops and its sub-workflows. `limit` is the platform's limit for one request,
    `depth` the number of runs in the chain before this one.
    """

    def __init__(self, limit: int, *, depth: int = 0) -> None:
        self._limit, self._left, self.depth = limit, limit - RESERVED_SUBREQUESTS, depth

    def take(self, count: int = 1) -> None:
        """Count subrequests. Raises SubrequestLimitError."""
        self._left -= count
        self.require_kept()

    def take_spare(self) -> bool:
        """Count a subrequest that the run could do without. False, and then none is counted, if it has only half of
        its budget left.
        """
        if self._left <= self._limit // 2:
            return False
        self._left -= 1
        return True

    def reserve(self, count: int) -> None:
        """Set subrequests aside for later. Raises SubrequestLimitError."""
        self.take(count)

    def release(self, count: int) -> None:
        """Allow subrequests that have been set aside, also if the budget is exhausted."""
        self._left = max(self._left, 0) + count

    def exhaust(self) -> None:
        """Mark the budget as exhausted: the platform itself has refused a subrequest."""
        self._left = -1

    def require_kept(self) -> None:
        """Raises SubrequestLimitError if more were made than allowed."""
        if self._left < 0:
            raise SubrequestLimitError(
                f"The run needs more than the {self._limit} subrequests that the platform allows.",
                next_actions=[
                    "Split the work over several runs, or move to the Workers paid plan.",
                    "On a plan with another limit, set the variable SUBREQUEST_LIMIT of the executor.",
                ],
                details={"limit": self._limit},
            )


class SandboxTurns:
    """Limits the sandboxes that a run, its loops and sub-workflows call at once. Waiting calls are served in order."""

    def __init__(self, limit: int = MAX_RUN_SANDBOXES) -> None:
        self._limit = limit
        self._calls: Counter[str] = Counter()  # under way, by sandbox
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._beginning = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, sandbox: str, clock: Clock) -> AsyncIterator[None]:
        """Surround a call in `sandbox`. All callers belong to one request, so one of its tasks may wake another."""
        if self._may_enter(sandbox):
            self._calls[sandbox] += 1
        else:
            await self._wait(sandbox)
        try:
            if self._calls.total() > 1:
                async with self._beginning:
                    await clock.pause()
            yield
        finally:
            self._leave(sandbox)

    def _may_enter(self, sandbox: str) -> bool:
        return sandbox in self._calls or len(self._calls) < self._limit

    async def _wait(self, sandbox: str) -> None:
        entry = sandbox, asyncio.get_running_loop().create_future()
        self._waiting.append(entry)
        try:
            await entry[1]
        except asyncio.CancelledError:
            if entry in self._waiting:
                self._waiting.remove(entry)
            else:  # it got its place at the same moment
                self._leave(sandbox)
            raise

    def _leave(self, sandbox: str) -> None:
        self._calls[sandbox] -= 1
        if not self._calls[sandbox]:
            del self._calls[sandbox]
        while self._waiting and self._may_enter(self._waiting[0][0]):
            name, place = self._waiting.popleft()
            self._calls[name] += 1
            place.set_result(None)


@dataclass(slots=True)  # made for each run: a frozen one takes three times as long
class RunBudget:
    """All budgets of one run, its loops and its sub-workflows. `lent` has the host functions of its components by the
    identity of their contracts; they charge this budget.
    """

    subrequests: SubrequestBudget
    work: WorkBudget = field(default_factory=WorkBudget)
    sandboxes: SandboxTurns = field(default_factory=SandboxTurns)
    lent: dict[int, HostFunctions] = field(default_factory=dict)

    def take_piece(self) -> None:
        """Count a request to where blobs lie, with the work of a piece. Raises SubrequestLimitError, and
        HostFunctionError CPU_BUDGET: the call's own work is counted after it, and raises CpuBudgetError then.
        """
        self.subrequests.take()
        try:
            self.work.take(PIECE_WORK)
        except CpuBudgetError as error:
            raise HostFunctionError(error.message, code=error.code) from None


@dataclass(frozen=True)
class RunLimits:
    """The platform's limits for a run. `is_free`: on the free plan, which ends a request that takes too much processor
    time.
    """

    subrequests: int = SUBREQUESTS_PAID
    is_free: bool = False

    def to_json(self) -> dict[str, Any]:
        """{"plan", "cpu_ms", "subrequests"}: `cpu_ms` is None where it is not limited."""
        plan, cpu_ms = ("free", FREE_PLAN_CPU_MS) if self.is_free else ("paid", None)
        return {"plan": plan, "cpu_ms": cpu_ms, "subrequests": self.subrequests}

    def open_budget(self, *, depth: int = 0) -> RunBudget:
        work = WorkBudget.of_free_plan() if self.is_free else WorkBudget()
        return RunBudget(SubrequestBudget(self.subrequests, depth=depth), work)


PAID = RunLimits()


def read_run_limits(plan: str | None, subrequests: str | None) -> RunLimits:
    """Read the executor's variables ARCRUN_PLAN (`free` or `paid`) and SUBREQUEST_LIMIT, which overrides the plan's.

    Raises NotConfiguredError PLAN_INVALID, LIMIT_INVALID.
    """
    if plan not in (None, "", "free", "paid"):
        message, action = (
            "The variable ARCRUN_PLAN must be `free` or `paid`.",
            "Correct it, or leave it out for `paid`.",
        )
        raise NotConfiguredError(message, code="PLAN_INVALID", next_actions=[action])
    if subrequests and not (subrequests.isascii() and subrequests.isdecimal() and len(subrequests) < 16):
        message = "The variable SUBREQUEST_LIMIT is not an integer."
        raise NotConfiguredError(message, code="LIMIT_INVALID", next_actions=["Correct it, or leave it out."])
    is_free = plan == "free"
    usual = SUBREQUESTS_FREE if is_free else SUBREQUESTS_PAID
    return RunLimits(int(subrequests) if subrequests else usual, is_free)


class BudgetedHttpClient(HttpClient):
    """HttpClient that charges each request to a budget. A component gets a refusal like any other error, and may
    continue; its caller then checks the budget.
    """

    def __init__(self, http: HttpClient, budget: SubrequestBudget) -> None:
        self._http, self._budget = http, budget

    async def send(self, request: HttpRequest) -> HttpResponse:
        try:
            self._budget.take()
        except SubrequestLimitError as error:
            raise HostFunctionError(error.message, code=error.code) from None
        try:
            return await self._http.send(self._mark(request))
        except HostFunctionError as error:
            if error.code == SubrequestLimitError.code:
                self._budget.exhaust()
            raise

    def _mark(self, request: HttpRequest) -> HttpRequest:
        own = {name: value for name, value in request.headers.items() if name.lower() != DEPTH_HEADER}
        return replace(request, headers={**own, DEPTH_HEADER: str(self._budget.depth + 1)})
