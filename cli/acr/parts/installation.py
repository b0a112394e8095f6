"""Installs a component into the user's own bucket, as `id` and as the immutable `id@version`."""

from dataclasses import dataclass
from pathlib import Path

from acr.cloudflare.r2 import R2Bucket
from acr.errors import CliError
from acr.parts.own_components import CONTRACT_SUFFIX, is_builtin, read_source
from acr.parts.uploads import list_module_objects, module_suffix, upload_objects
from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.json_text import parse_json
from arcrun.registry.package import Package, build_package


@dataclass(frozen=True)
class Installation:
    """The result of an installation. `written` are the new keys; empty if it was already installed."""

    component_id: str
    version: str
    written: list[str]


def install_package(bucket: R2Bucket, package: Package, home: Path) -> Installation:
    """Put a verified component into the bucket, with its metered module, which the first run would have to build.

    If interrupted, run it again. Raises CliError for a built-in component's id, and for a version that exists with
    other content; ArcrunError for an invalid package.
    """
    contract = parse_contract(parse_json(package.contract_text))
    component_id, version = contract.canonical_id, contract.version
    if is_builtin(component_id, home):
        raise CliError(
            f"`{component_id}` is a built-in component, which takes precedence: this one would never run.",
            f"Use the built-in one: acr parts list {component_id}. Or ask its author for another id.",
            code="BUILT_IN",
        )
    _refuse_other_content(bucket, package, contract)
    module = module_suffix(contract)
    # A module is written before its contract, which makes it visible, and `id` last, so that `id@v1` exists before it.
    objects = [
        (reference + suffix, content)
        for reference in (f"{component_id}@{version}", component_id)
        for suffix, content in ((module, package.module), (CONTRACT_SUFFIX, package.contract_text.encode()))
    ]
    written = [
        key
        for item in list_module_objects(component_id, contract, package.module)[1:]
        for key in upload_objects(bucket, [item], prefix=item[0])
    ]
    return Installation(component_id, version, written + upload_objects(bucket, objects, prefix=component_id))


def _refuse_other_content(bucket: R2Bucket, package: Package, contract: Contract) -> None:
    """Raises CliError if the version exists with other content. Half a component, from an interrupted upload, does not
    count.
    """
    suffix = module_suffix(contract)
    for reference in (f"{contract.canonical_id}@{contract.version}", contract.canonical_id):
        stored = bucket.get(reference + CONTRACT_SUFFIX)
        module = bucket.get(reference + suffix) if stored is not None else None
        if stored is None or module is None:
            continue
        try:
            source = read_source(stored)
            found = build_package(stored.decode(), module)
        except ValueError:
            continue  # an unreadable component cannot run either
        if not isinstance(source, dict) or source.get("version") != contract.version:
            continue
        if (found.sha256, found.contract_sha256) == (package.sha256, package.contract_sha256):
            return
        raise CliError(
            f"The bucket already has {contract.canonical_id} {contract.version}, with other content.",
            f"Remove `{reference}{CONTRACT_SUFFIX}` and `{reference}{suffix}` from the bucket, or keep them.",
        )
