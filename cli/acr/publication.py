"""Publishing a component: its module and contract in the bucket, as `id` and as `id@version`, which never changes."""

import json
from dataclasses import dataclass
from pathlib import Path

from acr.catalogue import CONTRACT_SUFFIX, MODULE_SUFFIX, is_builtin, read_source
from acr.cloudflare.r2 import R2Bucket
from acr.component_folder import ComponentFolder
from acr.deployment.uploads import metered_object, upload_objects
from acr.errors import CliError
from arcrun.contracts.model import Contract
from arcrun.yaml_text import parse_yaml


@dataclass(frozen=True)
class Publication:
    """`written` are the keys that had to be written; none if all was there already."""

    component_id: str
    version: str
    written: list[str]


def publish_component(bucket: R2Bucket, component: ComponentFolder, contract: Contract, home: Path) -> Publication:
    """Put a component that has passed its review into the bucket. Interrupted, run it again.

    The contract is stored as JSON, which Workers read faster than YAML, and which is YAML too; the metered module too,
    so that the first run has not to make it. Raises CliError for a built-in's id, and for a version that is there with
    other content.
    """
    component_id, version = contract.canonical_id, contract.version
    if is_builtin(component_id, home):
        raise CliError(
            f"`{component_id}` is a built-in component, which is found first: yours would never run.",
            f"Choose another canonical_id in {component.path / 'contract.yaml'}.",
        )
    source = parse_yaml(component.contract_text).value
    text = json.dumps(source, ensure_ascii=False, separators=(",", ":")).encode()
    _refuse_other_content(bucket, component, source, contract)
    # A module comes before its contract, which makes it known; `id` comes last, so that it never is ahead of `id@v1`.
    objects = [
        (reference + suffix, content)
        for reference in (f"{component_id}@{version}", component_id)
        for suffix, content in ((MODULE_SUFFIX, component.module), (CONTRACT_SUFFIX, text))
    ]
    metered = metered_object(contract, component.module)
    written = upload_objects(bucket, [metered], prefix=metered[0])
    return Publication(component_id, version, written + upload_objects(bucket, objects, prefix=component_id))


def _refuse_other_content(bucket: R2Bucket, component: ComponentFolder, source: object, contract: Contract) -> None:
    """Half a component, as an interrupted upload leaves it, is not published yet."""
    for reference in (f"{contract.canonical_id}@{contract.version}", contract.canonical_id):
        stored = bucket.get(reference + CONTRACT_SUFFIX)
        module = bucket.get(reference + MODULE_SUFFIX) if stored is not None else None
        if stored is None or module is None:
            continue
        try:
            stored_source = read_source(stored)
        except ValueError:
            continue  # what cannot be read cannot be run either
        if not isinstance(stored_source, dict) or stored_source.get("version") != contract.version:
            continue
        if _normalize(stored_source) == _normalize(source) and module == component.module:
            return
        raise CliError(
            f"{contract.canonical_id} {contract.version} is published already, with other content.",
            f"Raise `version` in {component.path / 'contract.yaml'} to v{int(contract.version[1:]) + 1}.",
        )


def _normalize(source: object) -> str:
    """As JSON: all keys are texts, in any order; `1` and `true` differ, which Python's == does not see."""
    return json.dumps(json.loads(json.dumps(source)), sort_keys=True)
