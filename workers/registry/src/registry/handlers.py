"""Handlers of submissions, the catalogue and statistics. They only translate between HTTP and the services."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from arcrun.analytics import parse_report, tally
from arcrun.errors import RequestError
from arcrun_http.requests import read_count, read_json, read_object
from arcrun_http.responses import JsonResponse, build_success
from registry.callers import ANYBODY, Caller
from registry.catalogue import DEFAULT_PAGE, Catalogue, parse_query
from registry.decisions import Decisions
from registry.index import PUBLIC
from registry.registry_object import RegistryObject
from registry.submissions import Submissions
from registry.uploads import read_upload


@dataclass(frozen=True)
class SubmissionHandlers:
    submissions: Submissions
    decisions: Decisions

    async def submit(self, request: Request, caller: Caller) -> JsonResponse:
        """201 with the record; 200 if the same bytes were accepted before."""
        upload = await read_upload(request)
        submitted = await self.submissions.submit(caller, upload.contract, upload.module)
        return build_success(submitted.record, 201 if submitted.is_new else 200)

    async def show_key(self, _request: Request, _caller: Caller) -> JsonResponse:
        """The public key that verifies attestations."""
        return build_success(await self.submissions.describe_key())

    async def show(self, request: Request, caller: Caller) -> JsonResponse:
        return build_success(await self.submissions.find(caller, request.path_params["submission_id"]))

    async def approve(self, request: Request, caller: Caller) -> JsonResponse:
        return await self._decide(request, caller, "approved")

    async def reject(self, request: Request, caller: Caller) -> JsonResponse:
        return await self._decide(request, caller, "rejected")

    async def _decide(self, request: Request, caller: Caller, decision: str) -> JsonResponse:
        reason = (await read_object(request, ("reason",))).get("reason", "")
        if not isinstance(reason, str):
            raise RequestError("`reason` must be a string.")
        submission_id = request.path_params["submission_id"]
        return build_success(await self.decisions.decide(caller, submission_id, decision, reason))


@dataclass(frozen=True)
class CatalogueHandlers:
    catalogue: Catalogue

    async def search(self, request: Request, caller: Caller) -> JsonResponse:
        query = parse_query(request.query_params, read_count(request, "limit", DEFAULT_PAGE))
        return build_success(await self.catalogue.search(caller, query))

    async def show(self, request: Request, caller: Caller) -> JsonResponse:
        """A component; with `?visibility=public` as a caller without components of its own sees it."""
        visibility = request.query_params.get("visibility")
        if visibility not in (None, PUBLIC):
            raise RequestError("`visibility` must be public.")
        return build_success(await self.catalogue.show(ANYBODY if visibility else caller, *_asked(request)))

    async def versions(self, request: Request, caller: Caller) -> JsonResponse:
        versions = await self.catalogue.list_versions(caller, request.path_params["canonical_id"])
        return build_success({"versions": versions})

    async def module(self, request: Request, caller: Caller) -> Response:
        found = await self.catalogue.read_module(caller, *_asked(request))
        return Response(found.content, media_type=found.media_type, headers={"etag": f'"{found.sha256}"'})


def _asked(request: Request) -> tuple[str, str | None]:
    return request.path_params["canonical_id"], request.query_params.get("version")


class AnalyticsHandlers:
    """Count components' runs, and show the statistics."""

    def __init__(self, state: RegistryObject) -> None:
        self._state = state

    async def record(self, request: Request, caller: Caller) -> JsonResponse:
        """Count a report's runs; the answer is sent when the counts are durable."""
        records = parse_report(await read_json(request))
        if records:
            await self._state.count_runs(caller.id, tally(records).rows())
        return build_success({"recorded": sum(record.count for record in records)})

    async def list(self, _request: Request, caller: Caller) -> JsonResponse:
        """The statistics of every component with runs in the caller's scope."""
        found = await self._state.read_statistics(caller.id)
        return build_success({"components": found})
