"""A component in the user's own bucket: as `id` and as `id@version`, which never changes."""

from dataclasses import dataclass
from pathlib import Path

from acr.catalogue import CONTRACT_SUFFIX, MODULE_SUFFIX, is_builtin, read_source
from acr.cloudflare.r2 import R2Bucket
from acr.deployment.uploads import upload_objects
from acr.errors import CliError
from arcrun.contracts.model import Contract
from arcrun.registry.package import Package
