"""Compares what two sources of a workflow say, whatever their comments, blank lines, quotes and order of keys."""

import json
from collections.abc import Mapping
from typing import Any

from arcrun.interruptible import Steps
from arcrun.yaml_text import YamlTextError, parse_yaml_in_steps

Source = str | Mapping[str, Any]


def have_same_meaning_in_steps(one: Source, other: Source) -> Steps[bool]:
    """Whether both have the same values under the same keys: 1, 1.0 and true differ. In steps, to yield to other
    requests. Text that is not YAML is equal to the same text only.

    The order of keys is left to the plan: where it means something, as for what a component gets, the plans differ.
    """
    if isinstance(one, str) and one == other:
        return True
    try:
        return (yield from _render(one)) == (yield from _render(other))
    except YamlTextError:
        return False


def _render(source: Source) -> Steps[str]:
    value = (yield from parse_yaml_in_steps(source)).value if isinstance(source, str) else source
    return json.dumps(value, sort_keys=True)
