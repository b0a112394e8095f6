"""A component in the user's own bucket: as `id` and as `id@version`, which never changes."""

from dataclasses import dataclass
from pathlib import Path

from acr.cloudflare.r2 import R2Bucket
from acr.errors import CliError
from acr.parts.own_components import CONTRACT_SUFFIX, MODULE_SUFFIX, is_builtin, read_source
from acr.parts.uploads import metered_object, upload_objects
from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.json_text import parse_json
from arcrun.registry.package import Package, build_package


@dataclass(frozen=True)
class Installation:
    """`written` are the keys that had to be written; none if all was there already."""

    component_id: str
    version: str
    written: list[str]


def install_package(bucket: R2Bucket, package: Package, home: Path) -> Installation:
    """Put a component whose review and hash are known to be good into the bucket. Interrupted, run it again.

    The metered module goes with it, so that the first run has not to make it. Raises CliError for a built-in's id, and
    for a version that is there with other content; ArcrunError for a package that is none.
    """
    contract = parse_contract(parse_json(package.contract_text))
    component_id, version = contract.canonical_id, contract.version
    if is_builtin(component_id, home):
        raise CliError(f"`{component_id}` is a built-in component, which is found first: this one would never run.")
    _refuse_other_content(bucket, package, contract)
    # A module comes before its contract, which makes it known; `id` comes last, so that it never is ahead of `id@v1`.
    objects = [
        (reference + suffix, content)
        for reference in (f"{component_id}@{version}", component_id)
        for suffix, content in ((MODULE_SUFFIX, package.module), (CONTRACT_SUFFIX, package.contract_text.encode()))
    ]
    metered = metered_object(contract, package.module)
    written = upload_objects(bucket, [metered], prefix=metered[0])
    return Installation(component_id, version, written + upload_objects(bucket, objects, prefix=component_id))


def _refuse_other_content(bucket: R2Bucket, package: Package, contract: Contract) -> None:
    """Half a component, as an interrupted upload leaves it, is not installed yet."""
    for reference in (f"{contract.canonical_id}@{contract.version}", contract.canonical_id):
        stored = bucket.get(reference + CONTRACT_SUFFIX)
        module = bucket.get(reference + MODULE_SUFFIX) if stored is not None else None
        if stored is None or module is None:
            continue
        try:
            source = read_source(stored)
            found = build_package(stored.decode(), module)
        except ValueError:
            continue  # what cannot be read cannot be run either
        if not isinstance(source, dict) or source.get("version") != contract.version:
            continue
        if (found.sha256, found.contract_sha256) == (package.sha256, package.contract_sha256):
            return
        raise CliError(
            f"The bucket has {contract.canonical_id} {contract.version} already, with other content.",
            f"Remove `{reference}{CONTRACT_SUFFIX}` and `{reference}{MODULE_SUFFIX}` from the bucket, or keep them.",
        )
