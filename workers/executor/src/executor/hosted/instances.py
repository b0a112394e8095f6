"""What makes runs of tenants last: instances that know whose they are, and the tenant's service for an instance."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arcrun.accounts.model import Registration
from arcrun.accounts.webhook_tokens import TenantTokens
from arcrun.durable_objects import Channel
from arcrun.errors import DecryptionError
from arcrun.ports import BlobStore, Clock, RunInstance, RunInstances
from arcrun.run_log.protocol import RemoteRunLog
from executor.durable.lasting import TENANT, Lasting, LastingRuns
from executor.durable.patience import patiently
from executor.hosted.hidden_names import HiddenNames
from executor.service import ExecutorService

if TYPE_CHECKING:
    from executor.hosted.reports import Reports

# Until a registration is visible everywhere; an isolate remembers for some seconds that there is none.
LOOKING_MS = (2_000, 10_000, 30_000, 60_000)

FindService = Callable[[str], Awaitable[ExecutorService | None]]


@dataclass(frozen=True)
class HostedLasting:
    """What all tenants share. `open_log` opens the channel to the RunLog's object of a tenant, by the tenant's id."""

    instances: RunInstances
    open_log: Callable[[str], Channel]
    blobs: BlobStore
    public_url: str = ""

    def of(self, registration: Registration, runs: LastingRuns, tokens: TenantTokens, reports: "Reports") -> Lasting:
        names = HiddenNames(registration.data_key)
        instances = TenantInstances(self.instances, registration.tenant_id, names)
        return Lasting(instances, runs, self.blobs, self.public_url, tokens.make, names, reports)


class TenantInstances:
    """Implements RunInstances for one tenant, whose RunLog says which are its own."""

    def __init__(self, instances: RunInstances, tenant_id: str, names: HiddenNames) -> None:
        self._instances, self._tenant_id, self._names = instances, tenant_id, names

    async def create(self, instance_id: str, params: Mapping[str, Any]) -> bool:
        return await self._instances.create(instance_id, {**params, TENANT: self._tenant_id})

    async def create_batch(self, instances: Mapping[str, Mapping[str, Any]]) -> Collection[str]:
        own = {each: {**params, TENANT: self._tenant_id} for each, params in instances.items()}
        return await self._instances.create_batch(own)

    async def status(self, instance_id: str) -> RunInstance | None:
        return await self._instances.status(instance_id)

    async def send_event(self, instance_id: str, event_type: str, payload: Any) -> None:
        await self._instances.send_event(instance_id, self._names.hide(event_type), payload)

    async def pause(self, instance_id: str) -> None:
        await self._instances.pause(instance_id)

    async def resume(self, instance_id: str) -> None:
        await self._instances.resume(instance_id)

    async def terminate(self, instance_id: str) -> None:
        await self._instances.terminate(instance_id)

    async def delete(self, instance_id: str) -> None:
        await self._instances.delete(instance_id)


async def find_tenant(find: FindService, tenant_id: str) -> ExecutorService | None:
    """The service of a tenant; None if it has gone, or registered under another MASTER_KEY. Raises UpstreamError."""
    with suppress(DecryptionError):
        return await find(tenant_id)
    return None


async def find_service(
    find: FindService, open_log: Callable[[str], Channel], clock: Clock, payload: Mapping[str, Any]
) -> ExecutorService | None:
    """The service of the tenant whose instance has this payload; None if the tenant, or the run, has gone.

    A run whose tenant is not to be seen, though the run is there, waits for a while. Raises UpstreamError.
    """
    tenant_id, run_id = payload[TENANT], payload["run_id"]
    log = RemoteRunLog(open_log(tenant_id))
    for wait_ms in LOOKING_MS:
        service = await patiently(clock, lambda: find(tenant_id))
        if service is not None or await patiently(clock, lambda: log.find_start(run_id)) is None:
            return service
        await clock.sleep(wait_ms)
    return await patiently(clock, lambda: find(tenant_id))
