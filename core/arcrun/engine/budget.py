"""What a run may take of the platform, so that it stops with an error before the platform ends the Worker.

What it asks of the outside is counted, and its HTTP requests say how deep in a chain of runs it is, so that a webhook
that calls itself ends.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from arcrun.engine.sandboxes import SandboxTurns
from arcrun.engine.work import WorkBudget
from arcrun.errors import HostFunctionError, NotConfiguredError, SubrequestLimitError
from arcrun.limits import FREE_PLAN_CPU_MS, SUBREQUESTS_FREE, SUBREQUESTS_PAID
from arcrun.ports import HttpClient, HttpRequest, HttpResponse
from arcrun.wasm.abi import HostFunctions

# Kept back for what follows the run: its record (1), what of it is too large for a row (2), the news of it (1), its
# statistics (1), and the data key of an isolate that is new (3).
RESERVED_SUBREQUESTS = 8
# In a request: how many runs stand behind it, each started by a request of the one before.
DEPTH_HEADER = "arcrun-depth"


class SubrequestBudget:
    """Shared by a run, its loops and its sub-workflows. `limit` is the platform's for one request; `depth` is how many
    runs stand behind this one.
    """

    def __init__(self, limit: int, *, depth: int = 0) -> None:
        self._limit, self._left, self.depth = limit, limit - RESERVED_SUBREQUESTS, depth

    def take(self, count: int = 1) -> None:
        """Raises SubrequestLimitError."""
        self._left -= count
        self.require_kept()

    def exhaust(self) -> None:
        """The platform has said itself that there are no more."""
        self._left = -1

    def require_kept(self) -> None:
        """Raises SubrequestLimitError if more has been asked for than there is."""
        if self._left < 0:
            raise SubrequestLimitError(
                f"The run needs more than the {self._limit} subrequests that the platform allows.",
                next_actions=[
                    "Split the work over several runs, or move to the Workers paid plan.",
                    "On a plan with another limit, set the variable SUBREQUEST_LIMIT of the executor.",
                ],
                details={"limit": self._limit},
            )


@dataclass(slots=True)  # made for each run: a frozen one takes three times as long
class RunBudget:
    """All that is counted of one run, its loops and its sub-workflows. `lent` are the host functions of its components,
    by the identity of their contracts: they take from this budget.
    """

    subrequests: SubrequestBudget
    work: WorkBudget = field(default_factory=WorkBudget)
    sandboxes: SandboxTurns = field(default_factory=SandboxTurns)
    lent: dict[int, HostFunctions] = field(default_factory=dict)


@dataclass(frozen=True)
class RunLimits:
    """What the platform gives a run. `is_free` is whether it is on the free plan, which ends a request that takes too
    much processor time.
    """

    subrequests: int = SUBREQUESTS_PAID
    is_free: bool = False

    def to_json(self) -> dict[str, Any]:
        """{"plan", "cpu_ms", "subrequests"}: `cpu_ms` is None where it is not counted."""
        plan, cpu_ms = ("free", FREE_PLAN_CPU_MS) if self.is_free else ("paid", None)
        return {"plan": plan, "cpu_ms": cpu_ms, "subrequests": self.subrequests}

    def open_budget(self, *, depth: int = 0) -> RunBudget:
        work = WorkBudget.of_free_plan() if self.is_free else WorkBudget()
        return RunBudget(SubrequestBudget(self.subrequests, depth=depth), work)


PAID = RunLimits()


def read_run_limits(plan: str | None, subrequests: str | None) -> RunLimits:
    """By the executor's variables ARCRUN_PLAN, `free` or `paid`, and SUBREQUEST_LIMIT, which overrides the plan's.

    Raises NotConfiguredError PLAN_INVALID, LIMIT_INVALID.
    """
    if plan not in (None, "", "free", "paid"):
        message, action = (
            "The variable ARCRUN_PLAN must be `free` or `paid`.",
            "Correct it, or leave it out for `paid`.",
        )
        raise NotConfiguredError(message, code="PLAN_INVALID", next_actions=[action])
    if subrequests and not (subrequests.isascii() and subrequests.isdecimal() and len(subrequests) < 16):
        message = "The variable SUBREQUEST_LIMIT is no whole number."
        raise NotConfiguredError(message, code="LIMIT_INVALID", next_actions=["Correct it, or leave it out."])
    is_free = plan == "free"
    usual = SUBREQUESTS_FREE if is_free else SUBREQUESTS_PAID
    return RunLimits(int(subrequests) if subrequests else usual, is_free)


class BudgetedHttpClient(HttpClient):
    """HttpClient that takes each request from a budget. A component gets a refusal like any other, and may go on; who
    calls the component then asks the budget.
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
