"""Fills a component's input with the secrets that its contract requires, right before it runs.

The field `inject_as` is set from the first of:

1. a value in the node's own config: the workflow's author wrote it, so it is kept and no secret is read;
2. the credential: under the name in the node's `credentials: {contract_key: my_name}`, else under the contract's key.

A field of that name in the trigger's body or in a parent's output never replaces a secret.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.contracts.model import Contract, Credential
from arcrun.errors import CredentialError, WorkflowError

Reveal = Callable[[str], Awaitable[str]]


@dataclass(frozen=True)
class NamedCredential:
    """A credential that a contract requires, and the name under which it is stored."""

    credential: Credential
    name: str


@dataclass(frozen=True)
class InjectedInput:
    """`value` is for the component only: no record, log or error may contain it. `secrets` are the filled-in values."""

    value: Mapping[str, Any]
    secrets: tuple[str, ...]


def name_credentials(
    contract: Contract, mapping: Mapping[str, str], config_keys: Collection[str] = ()
) -> tuple[NamedCredential, ...]:
    """The credentials to read for a node with this `credentials` mapping, whose config sets `config_keys`.

    Raises WorkflowError UNKNOWN_KEY if the mapping names a key that the contract does not declare.
    """
    known = [credential.key for credential in contract.credentials_required]
    for key in mapping:
        if key not in known:
            raise WorkflowError(
                f"`{contract.canonical_id}` has no credential `{key}`.",
                code="UNKNOWN_KEY",
                next_actions=[f"Use one of its credentials: {', '.join(known) or 'none'}."],
                details={"key": key, "component": contract.canonical_id},
            )
    return tuple(
        NamedCredential(credential, mapping.get(credential.key, credential.key))
        for credential in contract.credentials_required
        if credential.inject_as not in config_keys
    )


def name_authorizing(contract: Contract, config: Mapping[str, Any]) -> tuple[str, ...]:
    """The credential that `auth` of a node with this config names; empty if it has none."""
    given = config.get(contract.auth_key) if contract.auth_key else None
    name = given.get("credential") if isinstance(given, Mapping) else None
    return (name,) if isinstance(name, str) else ()


async def inject_credentials(
    named: Collection[NamedCredential], input_value: Mapping[str, Any], reveal: Reveal, node: str | None = None
) -> InjectedInput:
    """A copy of `input_value` with the secrets filled in. `input_value` itself, which is recorded, is not changed.

    Raises the errors of `reveal`; the details of a CredentialError then name the node.
    """
    if not named:
        return InjectedInput(input_value, ())
    filled = dict(input_value)
    secrets = []
    for item in named:
        try:
            secret = await reveal(item.name)
        except CredentialError as error:
            if node is not None:
                error.details.setdefault("node", node)
            raise
        filled[item.credential.inject_as] = secret
        secrets.append(secret)
    return InjectedInput(filled, tuple(secrets))
