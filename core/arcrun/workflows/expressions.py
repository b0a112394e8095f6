"""The expressions of IF: JMESPath over the run's scope, and the names that one starts from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from arcrun.errors import RunError
from arcrun.workflows.templates import ALIASES, Scope

# Nodes of the syntax tree whose first child alone sees what the node itself sees: `a` of `a.b`, `a[?b]`, `a | b`.
_NARROWING = ("subexpression", "index_expression", "projection", "value_projection", "filter_projection", "pipe")


@dataclass(frozen=True)
class Expression:
    """A compiled condition. `source` is its text."""

    source: str
    parsed: Any

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the scope that the expression reads."""
        return frozenset(_names(self.parsed.parsed))

    @cached_property
    def loses_negation(self) -> bool:
        """Whether it reads a field of a negation, which is null: `!a.b` is (!a).b in JMESPath."""
        return _loses_negation(self.parsed.parsed)

    def is_met(self, scope: Scope) -> bool:
        """Whether the result is truthy, as JMESPath has it: null, false and what is empty are not; 0 is.

        Raises RunError EXPRESSION_FAILED for what JMESPath cannot do with the values, such as the length of a number.
        """
        try:
            result = self.parsed.search(_visible(self.names, scope))
        except JMESPathError as error:
            raise RunError(
                f"IF({self.source}) cannot be evaluated: {str(error).splitlines()[0]}",
                code="EXPRESSION_FAILED",
                next_actions=["Check the types of what the expression reads: type(x), to_number(x), not_null(x, y)."],
            ) from None
        return not (result is None or result is False or result in ("", [], {}))  # 0 == False, but 0 is truthy


def compile_expression(source: str) -> Expression:
    """Raises ValueError, with the reason and a hint for common slips."""
    try:
        return Expression(source, jmespath.compile(source))
    except JMESPathError as error:
        reason = str(error).splitlines()[0].rstrip(":")
        raise ValueError(reason) from None


def _visible(names: Iterable[str], scope: Scope) -> Scope:
    """Just what the expression names, so that it cannot see what merely happens to have settled."""
    heads = {name: ALIASES.get(name, name) for name in names}
    return {name: scope[head] for name, head in heads.items() if head in scope}


def _names(node: Mapping[str, Any]) -> Iterator[str]:
    kind, children = node["type"], node.get("children", [])
    if kind == "field":
        yield node["value"]
    elif kind in _NARROWING:
        yield from _names(children[0])
    elif kind != "expref":  # what an &expression reads belongs to the elements
        for child in children:
            if isinstance(child, Mapping):
                yield from _names(child)


def _loses_negation(node: Mapping[str, Any]) -> bool:
    children = [child for child in node.get("children", []) if isinstance(child, Mapping)]
    if node["type"] in _NARROWING and node["type"] != "pipe" and children[0]["type"] == "not_expression":
        return True
    return any(map(_loses_negation, children))
