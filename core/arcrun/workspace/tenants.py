"""The workspaces of tenants, each with its own key."""

from collections.abc import Callable
from dataclasses import dataclass, field

from arcrun.ports import Cipher, Clock, Random
from arcrun.workspace.audit import AuditLog
from arcrun.workspace.protocol import WorkspaceObject
from arcrun.workspace.sealing import TenantSealing


@dataclass(frozen=True)
class TenantWorkspaces:
    """`open_object` returns a tenant's object by the tenant's id. `master_key` is MASTER_KEY as the Worker has it."""

    open_object: Callable[[str], WorkspaceObject]
    master_key: str | None = field(repr=False)
    build_cipher: Callable[[bytes], Cipher]
    clock: Clock
    random: Random

    def sealing_of(self, tenant_id: str) -> TenantSealing:
        return TenantSealing(self.master_key, tenant_id, self.build_cipher, self.random)

    def audit_of(self, tenant_id: str) -> AuditLog:
        return AuditLog(self.open_object(tenant_id), self.sealing_of(tenant_id), self.clock)
