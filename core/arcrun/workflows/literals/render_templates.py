"""The Mustache templates of nodes of `render`: they stand as they are, and their braces mean names of `data`."""

import re
from collections.abc import Mapping
from typing import Any

from arcrun.templates.syntax import ESCAPED_OPEN, OPEN
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.model import Node

RENDER = "render"
TEMPLATE, PARTIALS, DATA = "template", "partials", "data"
# What a template of arcrun would begin with: a value of the run, which Mustache looks for in `data`.
_NAME_OF_RUN = re.compile(r"\{\{\s*((?:input|request|vars|credential|run)\.[\w.]+)\s*\}\}")


def is_render(component: object) -> bool:
    return isinstance(component, str) and component.partition("@")[0] == RENDER


def keep_templates(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A node's config whose Mustache templates arcrun's leave alone."""
    kept = dict(config)
    if isinstance(config.get(TEMPLATE), str):
        kept[TEMPLATE] = _escape(config[TEMPLATE])
    if isinstance(partials := config.get(PARTIALS), Mapping):
        kept[PARTIALS] = {
            name: _escape(partial) if isinstance(partial, str) else partial for name, partial in partials.items()
        }
    return kept


def check_templates(node: Node, config: Mapping[str, Any], findings: Findings) -> None:
    """Warn of names that look like arcrun's own and that `data` does not have."""
    data = config.get(DATA, {})
    for key, text in _list_templates(config):
        for found in _NAME_OF_RUN.finditer(text.replace(ESCAPED_OPEN, OPEN)):
            name = found[1]
            if isinstance(data, Mapping) and name.partition(".")[0] not in data:
                message = f"`{key}` of {node.told} has `{found[0]}`, and there is no such name in `data`"
                hint = f'Give it by `data`: {{x: "{{{{{name}}}}}"}}, and write {{{{x}}}} in the template.'
                findings.warn("INVALID_TEMPLATE", message, hint, at=(*node.at, *key.split(".", 1)))


def _list_templates(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    partials = config.get(PARTIALS)
    named = partials if isinstance(partials, Mapping) else {}
    texts = {TEMPLATE: config.get(TEMPLATE), **{f"{PARTIALS}.{name}": text for name, text in named.items()}}
    return [(key, text) for key, text in texts.items() if isinstance(text, str)]


def _escape(text: str) -> str:
    return text.replace(OPEN, ESCAPED_OPEN)
