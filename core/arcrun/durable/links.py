"""The links with which people decide: /approvals/{run_id}/{ticket} on the executor.

A ticket is "{decision}.{approver}.{seal}": the type of the event that the decision is (waits.py), the approver, and an
HMAC-SHA-256 of both and of the run's id, all but the first in base64url. Its key is made for the run, and stored sealed
with what the run starts with; no link is stored anywhere, and none is good for anything once the run has ended.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from arcrun.durable.waits import type_of_decision
from arcrun.errors import InputError
from arcrun.limits import MAX_APPROVER_CHARACTERS

SEAL_BYTES = 18
KEY_BYTES = 32
NAME = "link of "  # what the name of a link among a run's secrets begins with


class Ticket(NamedTuple):
    event_type: str
    approver: str


@dataclass(frozen=True)
class Links:
    """`base_url` is the executor's."""

    run_id: str
    base_url: str
    key: bytes = field(repr=False)

    def build(self, unit: str, approver: str) -> tuple[str, str]:
        """The link of an approver, and its seal. `unit` is the step of the node. Raises InputError."""
        if not 1 <= len(approver) <= MAX_APPROVER_CHARACTERS:
            raise InputError(f"An approver has 1 to {MAX_APPROVER_CHARACTERS} characters, not {len(approver)}.")
        event_type = type_of_decision(unit)
        seal = self._seal(event_type, approver)
        name = _encode(approver.encode())
        return f"{self.base_url}/approvals/{self.run_id}/{event_type}.{name}.{seal}", seal

    def open(self, ticket: str) -> Ticket | None:
        """What a ticket says; None if it is not one of this run."""
        event_type, _, rest = ticket.partition(".")
        name, _, seal = rest.partition(".")
        try:
            approver = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
        except ValueError:
            return None
        is_ours = hmac.compare_digest(seal.encode(), self._seal(event_type, approver).encode())
        return Ticket(event_type, approver) if is_ours else None

    def _seal(self, event_type: str, approver: str) -> str:
        message = f"{self.run_id}\n{event_type}\n{approver}".encode()
        return _encode(hmac.digest(self.key, message, hashlib.sha256)[:SEAL_BYTES])


class LinksOfNodes(dict[str, Any]):
    """What templates see as `run.approve`: {node: {approver: link}}, made when it is read. `prefix` and `suffix` are
    around a node's name in its step. The seals of links that were read are put into `secrets`.
    """

    def __init__(self, links: Links, prefix: str, suffix: str, secrets: dict[str, str]) -> None:
        self._links, self._prefix, self._suffix, self._secrets = links, prefix, suffix, secrets

    def get(self, node: str, otherwise: Any = None) -> Any:
        return _LinksOfApprovers(self, node)

    def build(self, node: str, approver: str) -> str:
        unit = f"{self._prefix}{node}{self._suffix}"
        link, seal = self._links.build(unit, approver)
        self._secrets[f"{NAME}{unit} {approver}"] = seal
        return link


class _LinksOfApprovers(dict[str, Any]):
    def __init__(self, links: LinksOfNodes, node: str) -> None:
        self._links, self._node = links, node

    def get(self, approver: str, otherwise: Any = None) -> Any:
        return self._links.build(self._node, approver)


def find_links(secrets: Mapping[str, str]) -> dict[str, str]:
    """The seals of links among a run's secrets."""
    return {name: secret for name, secret in secrets.items() if name.startswith(NAME)}


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
