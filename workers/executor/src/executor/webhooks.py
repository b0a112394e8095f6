"""Stored workflows and their webhooks, in the KV namespace WEBHOOKS. Keys: docs/storage-schema.md."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from arcrun.errors import NotFoundError
from arcrun.ports import Clock, KeyValue, Random
from arcrun.workflows.parse import WORKFLOW_NAME
from arcrun.workflows.plan import Plan, load_plan

TOKEN_BYTES = 16
# A workflow pushed through another isolate is seen by this one after at most this time. KV itself may take 60 s.
FRESH_MS = 5_000
MAX_CACHED_WEBHOOKS = 256
_HOOK, _NAME = "hook:", "name:"


@dataclass(frozen=True)
class Webhook:
    """`source` is the workflow as pushed, text or object."""

    token: str
    name: str
    source: str | Mapping[str, Any]
    plan: Plan
    updated_at: str


class WebhookStore:
    def __init__(self, kv: KeyValue, clock: Clock, random: Random) -> None:
        self._kv, self._clock, self._random = kv, clock, random
        self._cached: dict[str, tuple[float, Webhook]] = {}

    async def save(self, source: str | Mapping[str, Any], plan: Plan) -> Webhook:
        """Store a workflow under its name. A workflow that is pushed again keeps its token."""
        token = await self._kv.get(_NAME + plan.name) or self._random.token_bytes(TOKEN_BYTES).hex()
        updated_at = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).isoformat(timespec="milliseconds")
        record = {"name": plan.name, "source": source, "plan": plan.to_json(), "updated_at": updated_at}
        await self._kv.put(_HOOK + token, json.dumps(record))
        await self._kv.put(_NAME + plan.name, token)
        return self._keep(Webhook(token, plan.name, source, plan, updated_at))

    async def find(self, token: str) -> Webhook:
        """Raises NotFoundError WEBHOOK_NOT_FOUND, whose text does not repeat the token."""
        kept_ms, kept = self._cached.get(token, (0.0, None))
        if kept is not None and self._clock.now_ms() - kept_ms < FRESH_MS:
            return kept
        stored = await self._kv.get(_HOOK + token) if len(token) == 2 * TOKEN_BYTES else None
        if stored is None:
            self._cached.pop(token, None)
            raise NotFoundError(
                "There is no such webhook.",
                code="WEBHOOK_NOT_FOUND",
                next_actions=["Push the workflow again to see its URL: acr push FILE."],
            )
        record = json.loads(stored)
        plan = load_plan(record["plan"])
        return self._keep(Webhook(token, record["name"], record["source"], plan, record["updated_at"]))

    async def find_by_name(self, name: str) -> Webhook:
        """Raises NotFoundError WORKFLOW_NOT_FOUND."""
        token = await self._kv.get(_NAME + name) if WORKFLOW_NAME.fullmatch(name) else None
        if token is None:
            raise NotFoundError(
                f"There is no workflow `{name}`.",
                code="WORKFLOW_NOT_FOUND",
                next_actions=["Push it: acr push FILE."],
                details={"workflow": name},
            )
        return await self.find(token)

    def _keep(self, webhook: Webhook) -> Webhook:
        self._cached.pop(webhook.token, None)
        self._cached[webhook.token] = (self._clock.now_ms(), webhook)
        if len(self._cached) > MAX_CACHED_WEBHOOKS:
            del self._cached[next(iter(self._cached))]
        return webhook
