"""The target that --target or ARCRUN_TARGET names: one of `targets:` in arcrun.yaml. A process runs one command."""

import os
import re

from acr.errors import TargetError

VARIABLE = "ARCRUN_TARGET"
TARGET_RULE = "Lower-case letters and digits, up to 16, and once more after a hyphen"
_NAME = re.compile(r"[a-z][a-z0-9]{0,15}(-[a-z0-9]{1,16})?")  # it ends the names of Workers, buckets and files
_chosen: list[str] = []


def choose_target(name: str) -> None:
    _chosen[:] = [name]


def forget_target() -> None:
    _chosen.clear()


def chosen_target() -> str | None:
    """Raises CliError."""
    name = _chosen[0] if _chosen else os.environ.get(VARIABLE)
    if name and not is_target_name(name):
        raise TargetError(
            f"`{name}` is not a target's name.",
            f"{TARGET_RULE}: --target staging",
        )
    return name or None


def is_chosen_by_option() -> bool:
    """Whether --target was given, which stands before the environment."""
    return bool(_chosen)


def is_target_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None
