"""The expressions of IF and `until`: JMESPath over the run's scope, and the names that an expression starts from."""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions

from arcrun.errors import RunError
from arcrun.limits import MAX_EXPRESSION_CHARACTERS, MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_STEPS
from arcrun.templates.bounded_jmespath import BoundedInterpreter, TooManyStepsError
from arcrun.templates.template import ALIASES, INPUT_LOOP, Scope

MAX_REASON_CHARACTERS = 160
_SAFE = (JMESPathError, TypeError, ArithmeticError)  # their messages contain no values
_FUNCTIONS = tuple(Functions.FUNCTION_TABLE)
# Nodes of the syntax tree of which only the first child sees the node's own input: `a` of `a.b`, `a[?b]`, `a | b`.
_NARROWING = ("subexpression", "index_expression", "projection", "value_projection", "filter_projection", "pipe")
# Strings, and tokens that need no quotes (functions' arguments `@`, `&` and numbers are not matched). Any other token
# of letters, digits, _ and - is a name that must be quoted.
_NAMES_AND_TEXTS = re.compile(
    r"""(?P<plain>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|[A-Za-z_][A-Za-z0-9_]*(?![\w-])|-?\d+(?![\w-]))
      | [\w-]*[^\W\d][\w-]*""",
    re.VERBOSE | re.DOTALL,
)
_BINDING = _NARROWING[:-1]  # `!` binds closer than these: !a.b is (!a).b, which is always null


@dataclass(frozen=True)
class Expression:
    """A compiled condition. `source` is its source, `word` what stands before it in the workflow."""

    source: str
    parsed: Any
    word: str = "IF"

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the scope that the expression reads."""
        return frozenset(_names(self.parsed.parsed))

    @cached_property
    def paths(self) -> frozenset[tuple[str, ...]]:
        """The paths that the expression reads from the scope, as steps: ("a", "data", "status")."""
        return frozenset(_paths(self.parsed.parsed))

    @cached_property
    def equalities(self) -> tuple[tuple[tuple[str, ...], Any], ...]:
        """The paths that the expression compares with a literal by `==`, and the literals."""
        return tuple(_equalities(self.parsed.parsed))

    @property
    def is_comparison(self) -> bool:
        """Whether the whole expression is one comparison by `==`."""
        return bool(self.parsed.parsed["type"] == "comparator" and self.parsed.parsed["value"] == "eq")

    def is_met(
        self,
        scope: Scope,
        count: Callable[[int], None] = lambda steps: None,
        most_steps: int = MAX_EXPRESSION_STEPS,
    ) -> bool:
        """Whether the result is truthy in JMESPath's sense: null, false and empty values are not; 0 is.

        `count` gets the steps taken, and may raise. `most_steps` may lower the limit; the step that exceeds it is
        counted.

        Raises RunError: EXPRESSION_FAILED if JMESPath cannot handle the values, such as the length of a number,
        EXPRESSION_TOO_COSTLY beyond MAX_EXPRESSION_STEPS.
        """
        interpreter = BoundedInterpreter(most_steps)
        try:
            result = interpreter.visit(self.parsed.parsed, _visible(self.names, scope))
        except TooManyStepsError:
            raise RunError(
                f"{self.word}({self.source}) takes more than {MAX_EXPRESSION_STEPS} steps.",
                code="EXPRESSION_TOO_COSTLY",
                next_actions=["Use a component before the condition: `filter` or `array_ops`."],
            ) from None
        except Exception as error:  # jmespath's functions raise Python's errors: TypeError, OverflowError ...
            raise RunError(
                f"{self.word}({self.source}) cannot be evaluated: {_explain(error)}",
                code="EXPRESSION_FAILED",
                next_actions=[
                    "Check the types of the values that the expression reads: type(x), to_number(x), not_null(x, y)."
                ],
            ) from None
        finally:
            count(most_steps - interpreter.steps_left)
        return not (result is None or result is False or result in ("", [], {}))  # 0 == False, but 0 is truthy


def _explain(error: Exception) -> str:
    """An explanation that contains no values, not even partly: they may be secrets."""
    if isinstance(error, JMESPathTypeError):
        return f"{error.function_name}() takes {' or '.join(error.expected_types)}, not {error.actual_type}"
    return (str(error).splitlines() or [""])[0] if isinstance(error, _SAFE) else type(error).__name__


def compile_expression(source: str, word: str = "IF") -> Expression:
    """Compile an expression. Names that JMESPath requires in double quotes, such as `größe` and `order-id`, may be
    unquoted.

    Raises ValueError with the reason.
    """
    if len(source) > MAX_EXPRESSION_CHARACTERS:
        raise ValueError(f"it is longer than {MAX_EXPRESSION_CHARACTERS} characters")
    if "{{" in source:
        raise ValueError("an expression cannot contain templates: write a.data.b for '{{a.data.b}}'")
    try:
        with warnings.catch_warnings(action="error", category=PendingDeprecationWarning):
            parsed = jmespath.compile(_quote_names(source))
    except JMESPathError as error:
        reason = str(error).splitlines()[0].rstrip(":")
        raise ValueError(reason[:MAX_REASON_CHARACTERS]) from None
    except PendingDeprecationWarning:
        raise ValueError("the literal in backticks is not JSON") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _validate(parsed.parsed)
    return Expression(source, parsed, word)


def _quote_names(source: str) -> str:
    return _NAMES_AND_TEXTS.sub(lambda match: match[0] if match["plain"] else f'"{match[0]}"', source)


def _validate(root: Mapping[str, Any]) -> None:
    """Raises ValueError for syntax that JMESPath accepts but no run can use."""
    level = [root]
    for _ in range(MAX_EXPRESSION_DEPTH):
        for node in level:
            _validate_node(node)
        level = [child for node in level for child in node.get("children", ()) if isinstance(child, Mapping)]
    if level:
        raise ValueError(f"it is nested more than {MAX_EXPRESSION_DEPTH} deep")


def _validate_node(node: Mapping[str, Any]) -> None:
    if node["type"] == "function_expression" and node["value"] not in _FUNCTIONS:
        near = get_close_matches(node["value"], _FUNCTIONS, n=1)
        raise ValueError(
            f"there is no function {node['value'][:60]}()" + (f"; did you mean {near[0]}()?" if near else "")
        )
    if node["type"] in _BINDING and node["children"][0]["type"] == "not_expression":
        raise ValueError("`!` applies to the first name only: write !(a.b) for !a.b")


def _visible(names: Iterable[str], scope: Scope) -> Scope:
    """The part of the scope that the expression names, so that it cannot see other nodes that happen to have
    settled.
    """
    heads = {name: ALIASES.get(name, name) for name in names}
    visible = {name: scope[head] for name, head in heads.items() if head in scope}
    if INPUT_LOOP in scope and isinstance(visible.get("input"), Mapping):
        visible["input"] = {**visible["input"], **scope[INPUT_LOOP]}
    return visible


def _paths(node: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    if node["type"] == "expref":
        return
    path = _path_of(node)
    if path:
        yield path
        return
    children = node.get("children", [])
    for child in children[:1] if node["type"] in _NARROWING else children:
        if isinstance(child, Mapping):
            yield from _paths(child)


def _equalities(node: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = [child for child in node.get("children", ()) if isinstance(child, Mapping)]
    if node["type"] == "comparator" and node["value"] == "eq":
        for one, other in (children, reversed(children)):
            if _path_of(one) and other["type"] == "literal":
                yield _path_of(one), other["value"]
    elif node["type"] in ("and_expression", "or_expression", "not_expression"):
        for child in children:
            yield from _equalities(child)


def _path_of(node: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of a chain such as `a.data.status`; empty for any other node."""
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] != "subexpression":
        return ()
    steps = [_path_of(child) for child in node["children"]]
    return tuple(name for step in steps for name in step) if all(steps) else ()


def _names(node: Mapping[str, Any]) -> Iterator[str]:
    kind, children = node["type"], node.get("children", [])
    if kind == "field":
        yield node["value"]
    elif kind in _NARROWING:
        yield from _names(children[0])
    elif kind != "expref":  # an &expression reads from the elements
        for child in children:
            if isinstance(child, Mapping):
                yield from _names(child)
