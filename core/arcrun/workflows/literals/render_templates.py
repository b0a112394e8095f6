"""The Mustache templates of nodes of `render`: they stand as they are, and their braces mean names of `data`."""

from collections.abc import Collection, Mapping
from typing import Any

from arcrun.templates.syntax import ESCAPED_OPEN, OPEN
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.literals.mustache import MustacheError, list_tags
from arcrun.workflows.model import Node

RENDER = "render"
TEMPLATE, PARTIALS, DATA = "template", "partials", "data"
# What names of arcrun's own begin with, and those of a node behind its name; Mustache looks for them in `data`.
_OF_RUN = frozenset(("input", "request", "vars", "credential", "run"))
_OF_NODE = frozenset(("data", "error", "results"))


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


def check_templates(node: Node, config: Mapping[str, Any], nodes: Collection[str], findings: Findings) -> None:
    """Report templates that `render` could not read, and warn of names that look like arcrun's own and that `data` does
    not have. `nodes` are the workflow's.
    """
    data = config.get(DATA, {})
    for key, escaped in _list_templates(config):
        text, at = escaped.replace(ESCAPED_OPEN, OPEN), (*node.at, *key.split(".", 1))
        try:
            tags = list_tags(text)
        except MustacheError as error:
            message = f"`{key}` of {node.told} is no Mustache template: {error.problem} (its line {error.line})"
            hint = "The page of the component has what Mustache has: acr docs components/render"
            findings.add("INVALID_TEMPLATE", message, hint, at=at)
            continue
        names = (tag.name for tag in tags if tag.kind not in ("/", ">"))
        for name in dict.fromkeys(name for name in names if _is_of_run(name, nodes)):
            first, _, rest = name.partition(".")
            if isinstance(data, Mapping) and first not in data:
                message = f"`{key}` of {node.told} has `{{{{{name}}}}}`, and there is no such name in `data`"
                short = rest.rpartition(".")[2] or first
                hint = f'Give it by `data`: {{{short}: "{{{{{name}}}}}"}}, and write {{{{{short}}}}} in the template.'
                findings.warn("INVALID_TEMPLATE", message, hint, at=at)


def _is_of_run(name: str, nodes: Collection[str]) -> bool:
    first, _, rest = name.partition(".")
    return bool(rest) and (first in _OF_RUN or (first in nodes and rest.partition(".")[0] in _OF_NODE))


def _list_templates(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    partials = config.get(PARTIALS)
    named = partials if isinstance(partials, Mapping) else {}
    texts = {TEMPLATE: config.get(TEMPLATE), **{f"{PARTIALS}.{name}": text for name, text in named.items()}}
    return [(key, text) for key, text in texts.items() if isinstance(text, str)]


def _escape(text: str) -> str:
    return text.replace(OPEN, ESCAPED_OPEN)
