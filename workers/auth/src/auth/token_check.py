"""Checks that a tenant's Cloudflare token has the permissions that it needs and no others, as far as it can show.

A token cannot read its own policies unless it may read API tokens, which is already more than KV. So the namespace is
tried, and for each product that could do harm there is a probe: a read that must be refused. docs/adr/0014 lists the
permissions that this cannot detect.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from arcrun.cloudflare.rest_client import CloudflareRestClient, read_envelope
from arcrun.cloudflare.rest_kv import CloudflareRestKV
from arcrun.errors import RegistrationError, TenantStorageError
from arcrun.ports import Random

PROBE_TTL_S = 60  # KV's minimum; it expires if the deletion is interrupted
KV_GROUPS = frozenset({"Workers KV Storage Write", "Workers KV Storage Read"})


@dataclass(frozen=True)
class Probe:
    """A path that only a token with `permission` may read. With `lists_for_all` every token gets a list, which is
    empty without the permission.
    """

    path: str
    permission: str
    in_account: bool = True
    lists_for_all: bool = False


PROBES = (
    Probe("/user", "User Details", in_account=False),
    Probe("/user/tokens", "API Tokens", in_account=False),
    Probe("/memberships", "Memberships", in_account=False),
    Probe("/zones", "Zone", in_account=False, lists_for_all=True),
    Probe("/members", "Account Settings"),
    Probe("/tokens", "Account API Tokens"),
    Probe("/subscriptions", "Billing"),
    Probe("/workers/scripts", "Workers Scripts"),
    Probe("/r2/buckets", "Workers R2 Storage"),
    Probe("/d1/database", "D1"),
    Probe("/queues", "Queues"),
    Probe("/pages/projects", "Cloudflare Pages"),
    Probe("/access/apps", "Access: Apps and Policies"),
    Probe("/cfd_tunnel", "Cloudflare Tunnel"),
)


class TokenCheck:
    """Checks one token for one namespace. Every method raises UpstreamError if Cloudflare does not answer."""

    def __init__(self, client: CloudflareRestClient, namespace_id: str, random: Random) -> None:
        self._client, self._random = client, random
        self._kv = CloudflareRestKV(client, namespace_id, random)

    async def require_active(self) -> str:
        """The token's id. Raises RegistrationError TOKEN_INVALID."""
        access = self._client.access
        for url in (access.unscoped_url_of("/user/tokens/verify"), access.url_of("/tokens/verify")):
            verified = await self._read(url)  # a user-owned or an account-owned token
            if verified is not None and verified.get("status") == "active":
                return str(verified.get("id", ""))
        raise RegistrationError(
            "Cloudflare does not know the token, or it is not active.",
            next_actions=["Make a new one that has only the permission Workers KV Storage: Edit: acr init --standard"],
        )

    async def require_namespace(self) -> None:
        """Write, read and delete a probe key. Raises RegistrationError TOKEN_CANNOT_USE_KV."""
        key, value = f"arcrun:probe:{self._random.token_bytes(16).hex()}", self._random.token_bytes(16).hex()
        try:
            await self._kv.put(key, value, ttl_s=PROBE_TTL_S)
            found = await self._kv.get(key)
            await self._kv.delete(key)
        except TenantStorageError as error:
            raise _build_kv_error(error.code, error.details) from None
        if found not in (value, None):  # None: a write may not be visible yet
            raise _build_kv_error("the value read differs from the value written", {})

    async def require_nothing_else(self, token_id: str) -> None:
        """Run all probes. Raises RegistrationError TOKEN_CAN_DO_MORE, which lists the permissions to drop."""
        opened = await asyncio.gather(*(self._opens(probe) for probe in PROBES))
        excess = [probe.permission for probe, is_open in zip(PROBES, opened, strict=True) if is_open]
        if "API Tokens" in excess or "Account API Tokens" in excess:
            excess += [name for name in await self._list_policies(token_id) if name not in excess]
        if excess:
            raise RegistrationError(
                f"The token can do more than edit Workers KV: {', '.join(excess)}.",
                code="TOKEN_CAN_DO_MORE",
                next_actions=[
                    "Drop these permissions from the token, or make one that has only Workers KV Storage: Edit.",
                    "Or make one with your own token, on your machine: acr init --standard",
                ],
                details={"permissions_to_drop": excess},
            )

    async def _opens(self, probe: Probe) -> bool:
        url = self._client.access.url_of if probe.in_account else self._client.access.unscoped_url_of
        result = await self._read(url(probe.path))
        return result is not None and (not probe.lists_for_all or bool(result))

    async def _list_policies(self, token_id: str) -> Sequence[str]:
        """The token's permission groups except KV's, sorted; empty if it may not read itself."""
        access, path = self._client.access, f"/tokens/{token_id}"
        for url in (access.unscoped_url_of(f"/user{path}"), access.url_of(path)):
            result = await self._read(url)
            if result is not None:
                groups = [group for policy in result["policies"] for group in policy["permission_groups"]]
                return sorted({group["name"] for group in groups if "name" in group} - KV_GROUPS)
        return []

    async def _read(self, url: str) -> Any:
        """The `result` of a GET; None if it is refused."""
        response = await self._client.send("GET", url)
        envelope = read_envelope(response) if 200 <= response.status < 300 else None
        return None if envelope is None else envelope.get("result", {})


def _build_kv_error(reason: str, details: Any) -> RegistrationError:
    return RegistrationError(
        f"The token cannot write, read and delete in that KV namespace: {reason}.",
        code="TOKEN_CANNOT_USE_KV",
        next_actions=[
            "Check that the namespace belongs to the account, and that the token has Workers KV Storage: Edit for it."
        ],
        details=dict(details),
    )
