"""What a tenant's RunLog tells the tenant's Workspace: of runs that have failed, and of followed ones that have
succeeded.

The names in the one are sealed under the tenant's data key, those in the other hidden under MASTER_KEY, so that a
tenant who registers with another data key keeps its schedules. So whoever tells of runs opens what it tells.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from arcrun.engine.record import StoredRecord
from arcrun.errors import DecryptionError, NotFoundError, UpstreamError
from arcrun.limits import MAX_TOLD_CHARACTERS
from arcrun.run_log.sealed_names import SealedNames
from arcrun.workspace.chains import ToldEnd
from arcrun.workspace.failures import ToldFailure
from arcrun.workspace.protocol import WorkspaceObject
from arcrun.workspace.starts import SealedStarts
from executor.hosted.instances import FindService, find_tenant
from executor.records.untold_failures import LOST, UNKNOWN

LOG_NUMBER = 0  # a tenant has one object of the RunLog
FindRecord = Callable[[str], Awaitable[StoredRecord]]


@dataclass(frozen=True)
class Reports:
    """`names` opens what the RunLog tells, `starts` hides it for the Workspace."""

    workspace: WorkspaceObject
    names: SealedNames
    starts: SealedStarts

    async def tell_failures(self, failures: Sequence[ToldFailure], find: FindRecord) -> bool:
        """Returns whether any workflow is started by failures. `find` finds a record. Raises UpstreamError."""
        shown = {each["workflow"]: each["run_id"] for each in failures}  # of each workflow the last
        told = []
        for each in failures:
            with suppress(DecryptionError):
                opened = await self._open(each)
                if each["run_id"] in shown.values() and not opened["error"]["message"]:
                    opened["error"] = {**opened["error"], "message": await _find_message(find, each["run_id"])}
                told.append(await self.starts.seal_failure(opened))
        return bool(told) and await self.workspace.report_failures(LOG_NUMBER, told)

    async def _open(self, failure: ToldFailure) -> ToldFailure:
        error, node = failure["error"], failure["node"]
        opened = {"code": await self.names.open(error["code"])} if failure["error"] not in (LOST, UNKNOWN) else {}
        return {
            **failure,
            "workflow": await self.names.open(failure["workflow"]),
            "error": {**error, **opened},
            "node": (await self.names.open(node) or None) if node else None,
        }

    async def tell_ends(self, ends: Sequence[ToldEnd]) -> None:
        """Raises UpstreamError, also if too many wait already: then they are told again."""
        told: list[ToldEnd] = []
        for each in ends:
            with suppress(DecryptionError):
                workflow = self.starts.id_of(await self.names.open(each["workflow"]))
                told.append({**each, "workflow": workflow})
        if told and await self.workspace.report_ends(LOG_NUMBER, told) is False:
            raise UpstreamError("Too many followed runs of the account wait for their followers.")


async def _find_message(find: FindRecord, run_id: str) -> str:
    """What its record says."""
    with suppress(NotFoundError, DecryptionError):
        error = (await find(run_id)).get("error")
        if isinstance(error, dict):
            return str(error.get("message", ""))[:MAX_TOLD_CHARACTERS]
    return ""


@dataclass(frozen=True)
class TenantTelling:
    """Tells for a tenant's object of the RunLog. Of one that has gone nothing is told."""

    find: FindService
    tenant_id: str

    async def tell_failures(self, failures: list[ToldFailure]) -> bool:
        """Raises UpstreamError."""
        reports = await self._find_reports()
        return reports is not None and await reports[0].tell_failures(failures, reports[1])

    async def tell_ends(self, ends: list[ToldEnd]) -> None:
        """Raises UpstreamError."""
        if (reports := await self._find_reports()) is not None:
            await reports[0].tell_ends(ends)

    async def _find_reports(self) -> tuple[Reports, FindRecord] | None:
        service = await find_tenant(self.find, self.tenant_id)
        if service is None or service.lasting is None:
            return None
        reports = service.lasting.reports
        return None if reports is None else (reports, service.runs.find)
