"""A component's contract, parsed. `docs/contract.md` describes the format."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from arcrun.contracts.bounded_schema import bound_schema
from arcrun.contracts.schema import Validator, compile_schema

CONDITION_FORMAT = "arcrun-condition"  # format of a string that is a condition in the language of if_control
# Formats of fields that only the workflow, or the platform, sets: code as it stands in the workflow, what is said about
# it, and its place in the file; the hosts that a call may reach; what its clock and its random numbers begin with;
# whether it runs in a sandbox although its component is bundled; and how its requests prove who sends them.
CODE_FORMAT, PLACE_FORMAT, HOSTS_FORMAT, RUN_FORMAT = "arcrun-code", "arcrun-place", "arcrun-hosts", "arcrun-run"
LITERAL_FORMAT = "arcrun-literal"
ISOLATE_FORMAT, AUTH_FORMAT = "arcrun-isolate", "arcrun-auth"
WASM, JAVASCRIPT = "wasm", "javascript"  # the runtimes


@dataclass(frozen=True)
class Constraints:
    max_size_kb: int
    max_cold_start_ms: int
    no_network_syscall: bool
    no_filesystem_syscall: bool


@dataclass(frozen=True)
class Credential:
    """A secret that the component needs: the engine fills `inject_as` in its input with the stored `key`."""

    key: str
    inject_as: str
    description: str
    help_url: str


@dataclass(frozen=True)
class HostStub:
    """One host call that a scenario expects, in order: a part of its request, and the response."""

    request: Mapping[str, Any]
    response: Mapping[str, Any]


@dataclass(frozen=True)
class Scenario:
    """An acceptance test: `given` is the input; the output must contain `then_contains` or equal `then`."""

    name: str
    given: Mapping[str, Any]
    then_contains: str | None
    then: Any
    http: tuple[HostStub, ...]
    ai: tuple[HostStub, ...] = ()


@dataclass(frozen=True)
class Contract:
    canonical_id: str
    display_name: str
    description: str
    category: str
    version: str
    stability: str
    author: str
    constraints: Constraints
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any]
    config_example: Mapping[str, Any]
    scenarios: tuple[Scenario, ...]
    credentials_required: tuple[Credential, ...]
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    capabilities: frozenset[str]
    is_ours: bool = False
    runtime: str = WASM

    @property
    def is_javascript(self) -> bool:
        return self.runtime == JAVASCRIPT

    @cached_property
    def input_keys(self) -> tuple[str, ...]:
        """The names of the input's fields."""
        return tuple(self.input_schema.get("properties", {}))

    @cached_property
    def one_of(self) -> tuple[str, ...]:
        """The input fields of which one must be given: `x-one-of` of the schema. The first was once the only one."""
        return tuple(self.input_schema.get("x-one-of", ()))

    @cached_property
    def relied_keys(self) -> tuple[str, ...]:
        """The input fields that plans of format 2 rely on to be filled in."""
        return (*self.input_schema.get("required", ()), *self.one_of[:1])

    @cached_property
    def fillable_keys(self) -> tuple[str, ...]:
        """The input fields that plans of format 2 may fill in: not those that came later, which are the further ones of
        `x-one-of`, and those of `x-later`.
        """
        later = {*self.one_of[1:], *self.input_schema.get("x-later", ())}
        return tuple(key for key in self.input_keys if key not in later)

    @cached_property
    def injected_keys(self) -> frozenset[str]:
        """The input fields that credentials fill."""
        return frozenset(credential.inject_as for credential in self.credentials_required)

    @cached_property
    def filled_keys(self) -> frozenset[str]:
        """The input fields that may be missing but not null, according to their `type`."""
        properties = self.input_schema.get("properties", {})
        return frozenset(key for key, schema in properties.items() if not _takes_null(schema))

    @cached_property
    def condition_keys(self) -> tuple[str, ...]:
        """The input fields that the component reads as a condition."""
        return self._find_keys(CONDITION_FORMAT)

    @cached_property
    def own_keys(self) -> frozenset[str]:
        """The input fields that only a config or the platform sets."""
        return frozenset(
            self._find_keys(
                *(CODE_FORMAT, LITERAL_FORMAT, PLACE_FORMAT, HOSTS_FORMAT, RUN_FORMAT, ISOLATE_FORMAT, AUTH_FORMAT)
            )
        )

    @cached_property
    def literal_keys(self) -> tuple[str, ...]:
        """The input fields whose braces are none of our templates."""
        return self._find_keys(LITERAL_FORMAT)

    @cached_property
    def unrecorded_keys(self) -> tuple[str, ...]:
        """The input fields that are not recorded with each call, as they are the same in each: they are the plan's."""
        return self._find_keys(CODE_FORMAT, PLACE_FORMAT)

    @cached_property
    def hosts_key(self) -> str:
        """The input field with the hosts that a call may reach; empty if it may reach all that the contract allows."""
        return next(iter(self._find_keys(HOSTS_FORMAT)), "")

    @cached_property
    def run_key(self) -> str:
        """The input field that gets {seed, now_ms}, by which a call can be made again exactly; empty if there is
        none.
        """
        return next(iter(self._find_keys(RUN_FORMAT)), "")

    @cached_property
    def isolate_key(self) -> str:
        """The input field that sends a call into a sandbox if it is true; empty if there is none."""
        return next(iter(self._find_keys(ISOLATE_FORMAT)), "")

    @cached_property
    def auth_key(self) -> str:
        """The input field that says how requests prove who sends them; empty if there is none."""
        return next(iter(self._find_keys(AUTH_FORMAT)), "")

    def _find_keys(self, *formats: str) -> tuple[str, ...]:
        properties = self.input_schema.get("properties", {})
        return tuple(k for k, v in properties.items() if isinstance(v, Mapping) and v.get("format") in formats)

    @property
    def is_open(self) -> bool:
        """Whether the input may have fields that the schema does not name."""
        return not self.input_keys or bool(self.input_schema.get("additionalProperties"))

    @property
    def output_fields(self) -> Mapping[str, Any] | None:
        """The schemas of the output fields by name; None if the component may answer other fields too."""
        fields: Mapping[str, Any] = self.output_schema.get("properties", {})
        return fields if fields and not self.output_schema.get("additionalProperties") else None

    @property
    def reaches_outside(self) -> bool:
        """Whether a repeated call may have another result."""
        return bool(self.capabilities & {"network", "ai", "store", "blob"})

    def can_reach(self, value: Mapping[str, Any]) -> bool:
        """Whether a call with this input, or a node with this config, may reach outside."""
        return self.reaches_outside and not (self.hosts_key and not value.get(self.hosts_key))

    def takes_field(self, key: str) -> bool:
        """Whether a taken value may set the field. It never sets fields that credentials fill, nor `own_keys`."""
        if key in self.injected_keys or key in self.own_keys:
            return False
        return self.is_open or key in self.input_keys

    @cached_property
    def validate_input(self) -> Validator:
        """The validator of the input, compiled at first use, which takes some milliseconds. Raises SchemaError.

        For a contract that is not ours, it checks only the part that takes bounded time (bounded_schema.py).
        """
        return compile_schema(self._checked_schema[0])

    @cached_property
    def validate_input_fully(self) -> Validator:
        """Like `validate_input`, but it finds all mismatches."""
        return compile_schema(self._checked_schema[0], find_all=True)

    @cached_property
    def has_unchecked_rules(self) -> bool:
        """Whether `validate_input` leaves some of the input_schema to validate_json."""
        return not self._checked_schema[1]

    @cached_property
    def _checked_schema(self) -> tuple[Mapping[str, Any], bool]:
        return (self.input_schema, True) if self.is_ours else bound_schema(self.input_schema)


def _takes_null(schema: Any) -> bool:
    types = schema.get("type", "null") if isinstance(schema, Mapping) else "null"
    return "null" in ([types] if isinstance(types, str) else types)
