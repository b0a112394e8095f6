"""The input of a node: its config with templates filled, what the schema names and the config lacks, and its check."""

from collections.abc import Iterable, Mapping
from typing import Any

from arcrun.contracts.model import Contract
from arcrun.contracts.schema import SchemaError, find_mismatches
from arcrun.errors import ComponentError, InputError
from arcrun.workflows.plan import PlannedNode
from arcrun.workflows.templates import CREDENTIAL, Scope


def build_input(node: PlannedNode, contract: Contract, scope: Scope, sources: Iterable[Any]) -> dict[str, Any]:
    """Fields that the schema names and the config lacks are taken from the first of `sources` that has them.

    A credential stays as its template, and a field that is filled from one is left out: this is the input that may be
    recorded. Raises TemplateError.
    """
    masks = {name: f"{{{{credential.{name}}}}}" for name in node.credential_references}
    built: dict[str, Any] = node.template.resolve(with_credentials(scope, node, masks))
    injected = {credential.inject_as for credential in contract.credentials_required}
    missing = [key for key in contract.input_keys if key not in built and key not in injected]
    if missing:
        available: dict[str, Any] = {}
        for source in sources:
            if isinstance(source, Mapping):
                available = {**source, **available}
        built |= {key: available[key] for key in missing if key in available}
    return built


def with_credentials(scope: Scope, node: PlannedNode, values: Mapping[str, str]) -> Scope:
    """The scope in which the node's templates see `values` as its credentials."""
    return {**scope, CREDENTIAL: values} if node.credential_references else scope


def validate_input(contract: Contract, value: Mapping[str, Any], node: str) -> None:
    """Raises InputError, which names node, field, expected and got; ComponentError INVALID_CONTRACT."""
    try:
        mismatches = find_mismatches(contract.validate_input, value)
    except SchemaError as error:
        raise ComponentError(f"`{contract.canonical_id}`: {error}.", code="INVALID_CONTRACT") from None
    if mismatches:
        wrong = mismatches[0]
        raise InputError(
            f"`{wrong.field}` of `{node}` must be {wrong.expected}, not {wrong.got}.",
            next_actions=[f"Look at the inputs of {contract.canonical_id}: acr parts list {contract.canonical_id}."],
            details={"field": wrong.field, "expected": wrong.expected, "got": wrong.got},
        )
