"""A platform's own components: the built-in ones, which take precedence, and those in the bucket."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acr.cloudflare.r2 import R2Bucket
from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.errors import ContractError
from arcrun.yaml_text import YamlTextError, parse_json_or_yaml, parse_yaml

BUILT_IN = "built-in"  # the source of a component that comes with the platform
CONTRACT_SUFFIX, MODULE_SUFFIX, JAVASCRIPT_SUFFIX = ".contract.yaml", ".wasm", ".js"
_FIRST_SENTENCE = re.compile(r"(.+?[.!?])(\s|$)", re.DOTALL)


@dataclass(frozen=True)
class OwnComponent:
    """A component's contract. `reference` is its name in workflows, `shout` or `shout@v1`; `source` is built-in,
    bundled (by `acr dev --components`), bucket or registry.
    """

    reference: str
    source: str
    contract: Contract

    @property
    def summary(self) -> str:
        return summarize(self.contract.description)

    def to_full_json(self) -> dict[str, Any]:
        """The full description, inputs, outputs, where to get each credential, and an example config."""
        contract = self.contract
        return {
            "display_name": contract.display_name,
            "description": " ".join(contract.description.split()),
            "inputs": _describe_fields(contract.input_schema),
            "outputs": _describe_fields(contract.output_schema),
            "credentials": [
                {"key": it.key, "inject_as": it.inject_as, "description": it.description, "help_url": it.help_url}
                for it in contract.credentials_required
            ],
            "config_example": dict(contract.config_example),
        }


def summarize(description: str) -> str:
    """The description's first sentence, on one line."""
    found = _FIRST_SENTENCE.match(description)
    return " ".join((found[1] if found else description).split())


def is_builtin(component_id: str, home: Path) -> bool:
    return component_id in builtin_ids(home)


def builtin_ids(home: Path) -> list[str]:
    return sorted(contract.parent.name for contract in (home / "components").glob("*/contract.yaml"))


def read_builtin(component_id: str, home: Path) -> OwnComponent:
    text = (home / "components" / component_id / "contract.yaml").read_text(encoding="utf-8")
    return OwnComponent(component_id, BUILT_IN, parse_contract(parse_yaml(text).value))


@dataclass(frozen=True)
class UnusableComponent:
    """A component of the bucket, or of a bundled folder, that workflows cannot use, and the reason."""

    reference: str
    reason: str
    source: str = "bucket"

    @property
    def told(self) -> str:
        whose = "The bucket's" if self.source == "bucket" else "The bundled"
        return f"{whose} `{self.reference}` cannot be used: {self.reason}"


def bundled_ids(folders: Iterable[Path], home: Path) -> list[str]:
    """The ids of the components in `folders`, without those of built-in ones, which take precedence."""
    found = (path.parent.name for folder in folders for path in sorted(folder.glob("*/contract.yaml")))
    return [component_id for component_id in dict.fromkeys(found) if not is_builtin(component_id, home)]


def read_bundled(component_id: str, folders: Iterable[Path]) -> OwnComponent | UnusableComponent | None:
    """The component in the first of `folders` that has it, as scripts/stage.py bundles it; None if none has it."""
    contracts = (folder / component_id / "contract.yaml" for folder in folders)
    contract = next((path for path in contracts if path.is_file()), None)
    if contract is None:
        return None
    try:
        found = parse_contract(parse_yaml(contract.read_text(encoding="utf-8")).value)
    except ContractError as error:
        reason = f"{contract}: {error.message}"
    except YamlTextError as error:
        reason = f"{contract}:{error.line}:{error.column}: {error.problem}."
    except UnicodeDecodeError:
        reason = f"{contract} is not UTF-8."
    else:
        return OwnComponent(component_id, "bundled", found)
    return UnusableComponent(component_id, reason, "bundled")


def list_bucket(bucket: R2Bucket) -> Iterator[OwnComponent | UnusableComponent]:
    """Yield each id, and each `id@version` other than the id's current version."""
    keys = {item.key for item in bucket.list_objects()}
    current: dict[str, str] = {}
    for key in sorted(key for key in keys if key.endswith(CONTRACT_SUFFIX)):  # `x.contract` sorts before `x@v1`
        reference = key.removesuffix(CONTRACT_SUFFIX)
        component_id, _, version = reference.partition("@")
        if version and current.get(component_id) == version:
            continue
        if keys.isdisjoint((reference + MODULE_SUFFIX, reference + JAVASCRIPT_SUFFIX)):
            yield UnusableComponent(reference, f"{reference}{MODULE_SUFFIX} is missing")
            continue
        found = read_published(bucket, reference)
        if isinstance(found, OwnComponent):
            current.setdefault(component_id, found.contract.version)
        if found:
            yield found


def read_published(bucket: R2Bucket, reference: str) -> OwnComponent | UnusableComponent | None:
    """The bucket's component `reference`, or None if the bucket has no contract for it."""
    content = bucket.get(reference + CONTRACT_SUFFIX)
    if content is None:
        return None
    try:
        return OwnComponent(reference, "bucket", parse_contract(read_source(content)))
    except ContractError as error:
        return UnusableComponent(reference, error.message)
    except ValueError:
        return UnusableComponent(reference, "its contract is not YAML")


def read_source(content: bytes) -> Any:
    """Parse a stored contract, which is JSON or its author's YAML. Raises ValueError."""
    return parse_json_or_yaml(content.decode())


def _describe_fields(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "type": _describe_type(field if isinstance(field, Mapping) else {}),
            "required": name in required,
            "description": " ".join(str(field.get("description", "") if isinstance(field, Mapping) else "").split()),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _describe_type(field: Mapping[str, Any]) -> str:
    """A field's type for people, such as `string`, `string or integer`, `one of a, b`."""
    if isinstance(field.get("enum"), list):
        return f"one of {', '.join(map(str, field['enum']))}"
    kind = field.get("type", "any")
    return " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind)
