"""What stands in a node's config as it is written, whatever braces it has."""

from collections.abc import Mapping
from typing import Any

from arcrun.workflows.diagnostics import Path, Positions
from arcrun.workflows.literals.code_sources import is_code, keep_literal
from arcrun.workflows.literals.render_templates import is_render, keep_templates


def keep_literals(component: object, config: Mapping[str, Any], at: Path, positions: Positions) -> Mapping[str, Any]:
    """The config of a call of `component`, whose literal fields the templates leave alone. `at` is its path."""
    if is_code(component):
        return keep_literal(config, at, positions)
    return keep_templates(config) if is_render(component) else config
