"""A component's contract, parsed. The format is DESIGN section 3; `docs/contract.md` is its reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from arcrun.contracts.schema import Validator, compile_schema


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
    """One host call that a scenario expects, in order: a part of its request, and the answer."""

    request: Mapping[str, Any]
    response: Mapping[str, Any]


@dataclass(frozen=True)
class Scenario:
    """An acceptance test: `given` is the input; the output must contain a text or be exactly `then`."""

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

    @cached_property
    def input_keys(self) -> tuple[str, ...]:
        """The input's fields by name; the engine fills missing ones from what came before."""
        return tuple(self.input_schema.get("properties", {}))

    @cached_property
    def validate_input(self) -> Validator:
        """Compiled at its first use, which costs some milliseconds. Raises SchemaError."""
        return compile_schema(self.input_schema)

    @cached_property
    def validate_input_fully(self) -> Validator:
        """The same, but it finds everything that is wrong."""
        return compile_schema(self.input_schema, find_all=True)
