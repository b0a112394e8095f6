"""Handlers that count components' runs and show the counts. They translate and nothing else."""

from starlette.requests import Request

from arcrun.analytics import parse_report, tally
from arcrun_http.bodies import read_json
from arcrun_http.responses import JsonResponse, build_success
from registry.principals import Principal
from registry.state import RegistryObject


class AnalyticsHandlers:
    def __init__(self, state: RegistryObject) -> None:
        self._state = state

    async def record(self, request: Request, principal: Principal) -> JsonResponse:
        """The answer comes when the counts are durable."""
        records = parse_report(await read_json(request))
        if records:
            await self._state.count_runs(principal.id, tally(records).rows())
        return build_success({"recorded": sum(record.count for record in records)})

    async def list(self, _request: Request, principal: Principal) -> JsonResponse:
        """Of every component that the caller has counted runs of."""
        found = await self._state.read_statistics(principal.id)
        return build_success({"components": found})
