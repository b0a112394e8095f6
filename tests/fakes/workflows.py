"""The store of workflows of one isolate, over fakes."""

from collections.abc import Sequence

from arcrun.engine.budget import RunLimits
from arcrun.ports import Clock, KeyValue, Random
from arcrun.workflows.plan import Plan
from arcrun.workspace.audit import Actor, AuditLog
from arcrun.workspace.protocol import WorkspaceObject
from arcrun.workspace.schedules import NewSchedule
from arcrun.workspace.sealing import Unsealed
from executor.components import ComponentCaller
from executor.head_import import HeadImport
from executor.heads import Heads
from executor.schedules.times import build_times, list_new
from executor.tokens import RandomTokens
from executor.workflows import ListSchedules, WorkflowStore

ADA = Actor("ada-key-1234", "192.0.2.1")


def listing_schedules(components: ComponentCaller) -> ListSchedules:
    """By the component `cron`, as the entry of the Worker does."""

    async def list_schedules(plan: Plan) -> Sequence[NewSchedule]:
        times, now_ms = build_times(components, RunLimits()), components.clock.now_ms()
        return await list_new(times, plan.triggers.schedules, now_ms, plan.triggers.watch)

    return list_schedules


def build_workflows(
    kv: KeyValue,
    workspace: WorkspaceObject,
    clock: Clock,
    random: Random,
    subrequest_limit: int = 1_000,
    *,
    trusts_metadata: bool = True,
    list_schedules: ListSchedules | None = None,
) -> WorkflowStore:
    """Of an account's own platform, unless metadata is not to be trusted."""
    sealing = Unsealed()
    heads = Heads(workspace, sealing, clock)
    audit = AuditLog(workspace, sealing, clock)
    head_import = HeadImport(kv, heads, audit, subrequest_limit, trusts_metadata=trusts_metadata)
    return WorkflowStore(
        *(kv, heads, audit, clock),
        head_import=head_import,
        tokens=RandomTokens(random),
        list_schedules=list_schedules,
        can_watch=list_schedules is not None,
    )
