"""Limits of what one tenant may use of the platform, so that others are not affected. docs/adr/0016.

Runs and nodes are counted here, separately in each isolate; requests in arcrun/accounts/request_rate.py.
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from arcrun.errors import NotConfiguredError, PayloadTooLargeError, RateLimitedError
from arcrun.limits import MIB
from arcrun.ports import Clock

RUNS_RETRY_AFTER_S = 1
TURN_MS = 5.0  # how often a node without a place polls: on the platform no request can wake another
MIN_COUNTED_BYTES = 4 * 1024  # per stored version, so that their number is bounded too


@dataclass(frozen=True)
class StorageLimits:
    """`workflow_bytes` bounds one version as stored (source and plan), `stored_bytes` all versions of a tenant."""

    workflow_bytes: int = MIB
    stored_bytes: int = 50 * MIB

    def require_size(self, size: int) -> None:
        """Raises PayloadTooLargeError WORKFLOW_TOO_LARGE."""
        if size > self.workflow_bytes:
            raise _build_workflow_error(size, self.workflow_bytes)

    def require_room(self, size: int, stored: int) -> None:
        """Raises PayloadTooLargeError STORAGE_LIMIT."""
        if size + stored > self.stored_bytes:
            raise PayloadTooLargeError(
                f"The versions of all workflows would take more than {self.stored_bytes} bytes.",
                code="STORAGE_LIMIT",
                next_actions=["Delete workflows that you no longer need, with their versions: acr delete NAME"],
                details={"stored_bytes": stored, "limit_bytes": self.stored_bytes},
            )


def _build_workflow_error(size: int, limit: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(
        f"The workflow has a size of {size}, with or without its plan; the limit is {limit}.",
        code="WORKFLOW_TOO_LARGE",
        next_actions=["Split it: one workflow can call another (CALLS_SUBFLOW)."],
        details={"size": size, "limit": limit},
    )


def counted_bytes(stored: Iterable[Mapping[str, Any] | None]) -> int:
    """The size of versions by the `bytes` of their metadata. An invalid size counts like the smallest."""
    sizes = [(metadata or {}).get("bytes", 0) for metadata in stored]
    return sum(max(MIN_COUNTED_BYTES, size) if isinstance(size, int) else MIN_COUNTED_BYTES for size in sizes)


@dataclass(frozen=True)
class StartLimits:
    """Of what starts a tenant's workflows by itself: `schedules` in all, of which the times of each are `interval_ms`
    apart at least; `a_minute` runs of schedules, as many of failures and chains, and `mails_a_minute`, which the
    tenant's Workspace counts.
    """

    schedules: int = 100
    interval_ms: int = 60_000
    a_minute: int = 300
    mails_a_minute: int = 60


@dataclass(frozen=True)
class TenantLimits:
    """The limits of a tenant. All but `storage`, `unfinished_runs` and `starts` apply per isolate. A run that exceeds
    its duration ends with RUN_TIMEOUT.

    `source_characters` bounds a workflow as sent, because parsing YAML and planning block the isolate. `node_cpu_ms`
    bounds the computing time of a node, which the operator pays for. `unfinished_runs` bounds the accepted runs that
    have not ended, those that wait included. `store_bytes` bounds the stores of the tenant's workflows,
    `blob_bytes` the blobs of its runs.
    """

    requests_a_minute: int = 600
    burst_requests: int = 60
    concurrent_runs: int = 20
    run_duration_ms: int = 120_000
    isolate_nodes: int = 32
    source_characters: int = 128 * 1024
    node_cpu_ms: int = 1_000
    storage: StorageLimits = field(default_factory=StorageLimits)
    unfinished_runs: int = 1_000
    starts: StartLimits = field(default_factory=StartLimits)
    store_bytes: int = 50 * MIB
    blob_bytes: int = 500 * MIB

    def to_json(self) -> dict[str, int]:
        """Those that say something to the tenant, by name."""
        return {
            "requests_a_minute": self.requests_a_minute,
            "concurrent_runs": self.concurrent_runs,
            "run_duration_ms": self.run_duration_ms,
            "node_cpu_ms": self.node_cpu_ms,
            "unfinished_runs": self.unfinished_runs,
            "source_characters": self.source_characters,
            "workflow_bytes": self.storage.workflow_bytes,
            "stored_bytes": self.storage.stored_bytes,
            "schedules": self.starts.schedules,
            "schedule_interval_ms": self.starts.interval_ms,
            "starts_a_minute": self.starts.a_minute,
            "mails_a_minute": self.starts.mails_a_minute,
            "store_bytes": self.store_bytes,
            "blob_bytes": self.blob_bytes,
        }


# Variables of the executor that override the defaults; integers from 1.
LIMIT_VARIABLES = (
    "TENANT_REQUESTS_A_MINUTE",
    "TENANT_BURST_REQUESTS",
    "TENANT_CONCURRENT_RUNS",
    "TENANT_RUN_DURATION_MS",
    "ISOLATE_NODES",
    "TENANT_SOURCE_CHARACTERS",
    "TENANT_NODE_CPU_MS",
    "TENANT_WORKFLOW_BYTES",
    "TENANT_STORED_BYTES",
    "TENANT_UNFINISHED_RUNS",
    "TENANT_SCHEDULES",
    "TENANT_SCHEDULE_INTERVAL_MS",
    "TENANT_STARTS_A_MINUTE",
    "TENANT_MAILS_A_MINUTE",
    "TENANT_STORE_BYTES",
    "TENANT_BLOB_BYTES",
)


def read_limits(variables: Mapping[str, str | None]) -> TenantLimits:
    """Read the limits. Raises NotConfiguredError LIMIT_INVALID."""
    default, storage, starts = TenantLimits(), StorageLimits(), StartLimits()

    def read(name: str, usual: int) -> int:
        return _read_number(name, variables.get(name), usual)

    return TenantLimits(
        read("TENANT_REQUESTS_A_MINUTE", default.requests_a_minute),
        read("TENANT_BURST_REQUESTS", default.burst_requests),
        read("TENANT_CONCURRENT_RUNS", default.concurrent_runs),
        read("TENANT_RUN_DURATION_MS", default.run_duration_ms),
        read("ISOLATE_NODES", default.isolate_nodes),
        read("TENANT_SOURCE_CHARACTERS", default.source_characters),
        read("TENANT_NODE_CPU_MS", default.node_cpu_ms),
        StorageLimits(
            read("TENANT_WORKFLOW_BYTES", storage.workflow_bytes), read("TENANT_STORED_BYTES", storage.stored_bytes)
        ),
        read("TENANT_UNFINISHED_RUNS", default.unfinished_runs),
        StartLimits(
            read("TENANT_SCHEDULES", starts.schedules),
            read("TENANT_SCHEDULE_INTERVAL_MS", starts.interval_ms),
            read("TENANT_STARTS_A_MINUTE", starts.a_minute),
            read("TENANT_MAILS_A_MINUTE", starts.mails_a_minute),
        ),
        read("TENANT_STORE_BYTES", default.store_bytes),
        read("TENANT_BLOB_BYTES", default.blob_bytes),
    )


def _read_number(name: str, text: str | None, default: int) -> int:
    if not text:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 15 or int(text) < 1:
        message = f"The variable {name} must be an integer from 1."
        raise NotConfiguredError(message, code="LIMIT_INVALID", next_actions=["Correct it, or remove it."])
    return int(text)


class UnderWay:
    """The operations in progress, by tenant.

    A request that the platform ends gives nothing back, so nothing counts for longer than `at_most_ms`.
    """

    def __init__(self, clock: Clock, at_most_ms: float) -> None:
        self._clock, self._at_most_ms = clock, at_most_ms
        self._until_ms: dict[str, dict[object, float]] = {}

    def count(self, tenant_id: str) -> int:
        now_ms, held = self._clock.now_ms(), self._until_ms.get(tenant_id, {})
        for place in [place for place, until_ms in held.items() if until_ms <= now_ms]:
            self._leave(tenant_id, place)
        return len(held)

    def count_others(self, tenant_id: str) -> int:
        """The number of other tenants with operations in progress."""
        return sum(other != tenant_id and self.count(other) > 0 for other in tuple(self._until_ms))

    @contextmanager
    def entered(self, tenant_id: str) -> Iterator[None]:
        place = object()
        self._until_ms.setdefault(tenant_id, {})[place] = self._clock.now_ms() + self._at_most_ms
        try:
            yield
        finally:
            self._leave(tenant_id, place)

    def _leave(self, tenant_id: str, place: object) -> None:
        held = self._until_ms.get(tenant_id, {})
        held.pop(place, None)
        if not held:
            self._until_ms.pop(tenant_id, None)


class Isolate:
    """The state that all tenants of one isolate share. It outlives their services."""

    def __init__(self, limits: TenantLimits, clock: Clock) -> None:
        self.limits, self.clock = limits, clock
        self.runs, self.nodes = UnderWay(clock, limits.run_duration_ms), UnderWay(clock, limits.run_duration_ms)

    def quota_of(self, tenant_id: str) -> "TenantQuota":
        return TenantQuota(self, tenant_id)


@dataclass(frozen=True)
class TenantQuota:
    isolate: Isolate
    tenant_id: str

    @contextmanager
    def running(self) -> Iterator[None]:
        """Surround a run. Raises RateLimitedError TOO_MANY_RUNS."""
        limit = self.isolate.limits.concurrent_runs
        if self.isolate.runs.count(self.tenant_id) >= limit:
            raise RateLimitedError(
                RUNS_RETRY_AFTER_S,
                f"{limit} runs of this account are in progress, which is the limit.",
                "TOO_MANY_RUNS",
            )
        with self.isolate.runs.entered(self.tenant_id):
            yield

    @asynccontextmanager
    async def node(self) -> AsyncIterator[None]:
        """Surround a call of a component, after waiting for a place.

        A tenant gets as many places as if there were one more tenant, so that new tenants find free ones.
        """
        isolate = self.isolate
        while isolate.nodes.count(self.tenant_id) >= self._places():
            await isolate.clock.sleep(TURN_MS)
        with isolate.nodes.entered(self.tenant_id):
            yield

    def _places(self) -> int:
        tenants = 1 + self.isolate.nodes.count_others(self.tenant_id)
        return max(1, self.isolate.limits.isolate_nodes // (tenants + 1))

    def clamp_duration(self, timeout_ms: float | None) -> float:
        return min(timeout_ms or self.isolate.limits.run_duration_ms, self.isolate.limits.run_duration_ms)

    @property
    def limits(self) -> TenantLimits:
        return self.isolate.limits

    @property
    def mails_a_minute(self) -> int:
        return self.isolate.limits.starts.mails_a_minute

    @property
    def schedule_interval_ms(self) -> int:
        return self.isolate.limits.starts.interval_ms

    def check_source(self, source: str | Mapping[str, Any]) -> None:
        """Raises PayloadTooLargeError WORKFLOW_TOO_LARGE."""
        size = len(source if isinstance(source, str) else json.dumps(source))
        if size > self.isolate.limits.source_characters:
            raise _build_workflow_error(size, self.isolate.limits.source_characters)
