"""The input of a node: its config with templates filled, over the value that it takes, and its check."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.contracts.model import Contract
from arcrun.contracts.schema import SchemaError, describe_kind, find_mismatches
from arcrun.errors import ComponentError, InputError
from arcrun.workflows.plan import PlannedNode
from arcrun.workflows.rendering import Rendering
from arcrun.workflows.templates import CREDENTIAL, Scope, Template


@dataclass(frozen=True)
class Arrived:
    """What fields are filled from in a plan of format 2, the nearest first: all that came; what nodes answered."""

    everything: Iterable[Any]
    nodes: Iterable[Any]


def build_input(
    node: PlannedNode, contract: Contract, scope: Scope, arrived: Arrived | None, rendering: Rendering
) -> dict[str, Any]:
    """The config with its templates filled, over the fields of the taken value that the component knows.

    An optional reference that comes to null leaves its field out, unless the schema takes null. A credential stays as
    its template, and a field that is filled from one is left out: this is the input that may be recorded.
    `arrived` is None but for plans of format 2. Raises TemplateError, InputError, also by `rendering`.
    """
    if node.credential_references:
        masks = {name: f"{{{{credential.{name}}}}}" for name in node.credential_references}
        scope = with_credentials(scope, node, masks)
    built: dict[str, Any] = node.template.render(scope, rendering)
    for key in node.optional_keys:
        if built[key] is None and key in contract.filled_keys:
            del built[key]
    for key in contract.condition_keys:
        if isinstance(built.get(key), str) and built[key] != node.config.get(key):
            raise _build_condition_error(node, key)
    if node.taken is not None:
        built = {**_take(node, contract, node.taken, scope, rendering), **built}
    return built if arrived is None else rendering.keep(_fill(built, contract, arrived))


def _build_condition_error(node: PlannedNode, key: str) -> InputError:
    """Whoever sends the text would write a condition of their own, over secrets perhaps."""
    return InputError(
        f"`{key}` of `{node.name}` comes from data, which must be true or false: no text of a condition.",
        next_actions=[f'Write the condition in the workflow, and compare a named value: {key}: given == "admin".'],
        details={"field": key, "expected": "boolean", "got": "string"},
    )


def _take(node: PlannedNode, contract: Contract, taken: Template, scope: Scope, rendering: Rendering) -> dict[str, Any]:
    value = taken.render(scope, rendering)
    if value is None and taken.references[0].has_fallback:
        return {}
    if not isinstance(value, Mapping):
        raise InputError(
            f"`{node.name}` takes {node.take}, which must be an object, not {describe_kind(value)}.",
            next_actions=[f'Name the field that it is for: config.{node.name}: {{FIELD: "{{{{{node.take}}}}}"}}.'],
            details={"field": "take", "expected": "object", "got": describe_kind(value)},
        )
    taken_fields = {key: item for key, item in value.items() if contract.takes_field(key)}
    for key in contract.condition_keys:
        if isinstance(taken_fields.get(key), str) and key not in node.config:
            raise _build_condition_error(node, key)
    rendering.keep(taken_fields)
    return taken_fields


def _fill(built: dict[str, Any], contract: Contract, arrived: Arrived) -> dict[str, Any]:
    """Of a plan of format 2. Optional fields are not taken from the trigger, for its caller must not set them."""
    missing = [key for key in contract.input_keys if key not in built and contract.takes_field(key)]
    if not missing:
        return built
    required = contract.input_schema.get("required", ())
    everything, nodes = _merge(arrived.everything), _merge(arrived.nodes)
    sources = {key: everything if key in required else nodes for key in missing}
    return {**built, **{key: source[key] for key, source in sources.items() if key in source}}


def _merge(values: Iterable[Any]) -> dict[str, Any]:
    """The fields of all objects among the values; the first that has one wins."""
    merged: dict[str, Any] = {}
    for value in values:
        if isinstance(value, Mapping):
            merged = {**value, **merged}
    return merged


def with_credentials(scope: Scope, node: PlannedNode, values: Mapping[str, str]) -> Scope:
    """The scope in which the node's templates see `values` as its credentials."""
    return {**scope, CREDENTIAL: values} if node.credential_references else scope


def validate_input(contract: Contract, value: Mapping[str, Any], node: str) -> None:
    """Raises InputError, which names node, field, expected and got; ComponentError INVALID_CONTRACT."""
    try:
        validate = contract.validate_input
    except SchemaError as error:
        raise ComponentError(f"`{contract.canonical_id}`: {error}.", code="INVALID_CONTRACT") from None
    if mismatches := find_mismatches(validate, value):
        wrong = mismatches[0]
        raise build_input_error(contract, node, wrong.field, wrong.expected, wrong.got)


def build_input_error(contract: Contract, node: str, field: str, expected: str, got: str = "") -> InputError:
    said = f"`{field}` of `{node}` must be {expected}, not {got}." if got else f"`{field}` of `{node}`: it {expected}."
    return InputError(
        said,
        next_actions=[f"Look at the inputs of {contract.canonical_id}: acr parts list {contract.canonical_id}."],
        details={"field": field, "expected": expected, **({"got": got} if got else {})},
    )
