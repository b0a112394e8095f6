"""What a run asks of the outside: its subrequests are counted, so that it stops with an error before the platform ends
the Worker, and its HTTP requests say how deep in a chain of runs it is, so that a webhook that calls itself ends.
"""

from dataclasses import replace

from arcrun.errors import HostFunctionError, SubrequestLimitError
from arcrun.ports import HttpClient, HttpRequest, HttpResponse

# Kept back for what follows the run: its record, its verdict, its statistics.
RESERVED_SUBREQUESTS = 4
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
