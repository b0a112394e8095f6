"""Which workflows need which credentials, as their current versions are written."""

from contextlib import suppress

from arcrun.credentials.injection import name_authorizing, name_credentials
from arcrun.errors import ArcrunError
from arcrun.limits import MAX_SHOWN_USES
from arcrun.workflows.plan import Plan, PlannedNode
from arcrun.workflows.polls import load_poll
from executor.service import ExecutorService


async def find_uses(service: ExecutorService, cursor: str | None) -> tuple[dict[str, list[str]], str | None]:
    """{credential: [workflow, ...]} of MAX_SHOWN_USES workflows, and the cursor of the next ones: the last one's name.

    A workflow that can no longer run uses none.
    """
    names = [name for name in sorted(await service.workflows.list_names()) if cursor is None or name > cursor]
    uses: dict[str, list[str]] = {}
    for name in names[:MAX_SHOWN_USES]:
        with suppress(ArcrunError):
            for credential in await _list_needed(service, (await service.workflows.find_current(name)).plan):
                uses.setdefault(credential, []).append(name)
    return uses, names[MAX_SHOWN_USES - 1] if len(names) > MAX_SHOWN_USES else None


async def _list_needed(service: ExecutorService, plan: Plan) -> set[str]:
    polled = [] if plan.triggers.watch is None else load_poll(plan.triggers.watch).calls
    needed = {name for node in (*plan.calls, *polled) for name in await _list_of_node(service, node)}
    verify = plan.triggers.webhook.verify
    return needed if verify is None else needed | set(verify.names)


async def _list_of_node(service: ExecutorService, node: PlannedNode) -> set[str]:
    if node.workflow is not None:
        return set(node.credential_references)
    contract = (await service.components.find(node.component)).contract
    required = name_credentials(contract, node.credentials or {}, node.config)
    return (
        {each.name for each in required}
        | set(node.credential_references)
        | set(name_authorizing(contract, node.config))
    )
