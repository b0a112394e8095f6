"""`vars` of a project: plain settings that templates read as `{{vars.NAME}}`. A plan keeps the values of its push."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from arcrun.limits import MAX_VARIABLES, MAX_VARIABLES_BYTES
from arcrun.templates.hints import suggest_nearest

VARIABLES = "vars"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

Variables = Mapping[str, Any]
NO_VARIABLES: Variables = {}


def find_variables_problem(given: Any) -> str:
    """What is wrong with a project's `vars`; empty if nothing is."""
    if not isinstance(given, Mapping):
        return "it must map names to values"
    wrong = next((name for name in given if not isinstance(name, str) or not _NAME.fullmatch(name)), None)
    if wrong is not None:
        return f"`{wrong}` is no name: letters, digits and _, 64 at most, and no digit first"
    if len(given) > MAX_VARIABLES:
        return f"it has {len(given)} names; the limit is {MAX_VARIABLES}"
    if len(json.dumps(given).encode()) > MAX_VARIABLES_BYTES:
        return f"it is longer than {MAX_VARIABLES_BYTES} bytes as JSON"
    return ""


def find_reference_problem(steps: tuple[str, ...], known: Variables) -> tuple[str, str] | None:
    """What is wrong with a path that starts from `vars`: the rest of a sentence, and a hint. None if nothing is."""
    if len(steps) == 1:
        return "names no setting", "Write {{vars.NAME}}."
    if steps[1] in known:
        return None
    otherwise = f"Add it to arcrun.yaml: vars: {{{steps[1]}: ...}}"
    return "is not set", suggest_nearest(steps[1], known, otherwise)


def select_variables(known: Variables, paths: Iterable[tuple[str, ...]]) -> Variables:
    """The settings that any of the paths reads, in their order."""
    read = {steps[1] for steps in paths if steps[0] == VARIABLES and len(steps) > 1}
    return {name: value for name, value in known.items() if name in read}
