"""A node's automatic idempotency key, by which whoever it calls recognises a repetition."""

import hashlib
from collections.abc import Mapping
from typing import Any

from arcrun.contracts.model import Contract
from arcrun.contracts.schema import types_of
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.model import Node
from arcrun.workflows.settings import HEADERS, KEY

HEADER = "Idempotency-Key"  # https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/


def find_key_field(node: Node, contract: Contract, findings: Findings) -> str:
    """The input's field that gets the key: `idempotency_key`, or `headers`. Reports a component that has neither, and
    headers that have a key already.
    """
    if KEY in contract.input_keys:
        return KEY
    at = (*node.at, KEY)
    if "object" not in types_of(contract.input_schema.get("properties", {}).get(HEADERS, {})):
        message = f"`{contract.canonical_id}` of {node.told} sends no key: it has no `{HEADERS}` and no `{KEY}`"
        findings.add("INVALID_SETTING", message, "Remove it.", at=at)
    elif _has_key(node.config.get(HEADERS)):
        message = f"{node.told} has an `{HEADER}` in its headers, and `{KEY}`"
        findings.add("INVALID_SETTING", message, "Keep one of them.", at=at)
    return HEADERS


def build_key(run_id: str, call: str) -> str:
    """The key of a node's call, a UUID (RFC 9562, version 8): the same for each attempt, in each isolate. `call` is its
    name within the run (arcrun/engine/context.py).
    """
    drawn = hashlib.sha256(f"{run_id} {call}".encode()).hexdigest()
    variant = "89ab"[int(drawn[16], 16) & 3]
    return f"{drawn[:8]}-{drawn[8:12]}-8{drawn[13:16]}-{variant}{drawn[17:20]}-{drawn[20:32]}"


def add_key(value: Mapping[str, Any], field: str, key: str) -> Mapping[str, Any]:
    """The input with its key. Headers that have one keep it."""
    if field == KEY:
        return {**value, KEY: key}
    headers = value.get(HEADERS)
    if headers is None:
        headers = {}
    if not isinstance(headers, Mapping) or _has_key(headers):
        return value
    return {**value, HEADERS: {**headers, HEADER: key}}


def _has_key(headers: Any) -> bool:
    return isinstance(headers, Mapping) and any(str(name).lower() == HEADER.lower() for name in headers)
