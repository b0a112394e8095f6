"""YAML that means JSON, from untrusted text.

Dates stay texts. There are no tags, no duplicate keys, no numbers that are not finite, no aliases (a few lines of them
can stand for gigabytes), and no more depth than the stack bears.
"""

import math
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import yaml

from arcrun.json_text import parse_json

MAX_DEPTH = 64


class YamlTextError(ValueError):
    """`line` and `column` count from 1; None where the place is not known."""

    def __init__(self, problem: str, mark: Any = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line: int | None = mark.line + 1 if mark else None
        self.column: int | None = mark.column + 1 if mark else None


@dataclass(frozen=True)
class YamlText:
    """The value, and PyYAML's node tree, whose nodes know their places; None for an empty text."""

    value: Any
    root: yaml.Node | None


def parse_yaml(text: str) -> YamlText:
    """Raises YamlTextError."""
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        return YamlText(loader.construct_document(root) if root else None, root)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or str(error)
        raise YamlTextError(problem, getattr(error, "problem_mark", None)) from None
    except (RecursionError, ValueError):
        raise YamlTextError("a value in it is out of range") from None
    finally:
        if loader:
            loader.dispose()


def parse_json_or_yaml(text: str) -> Any:
    """The value of a text in either. JSON is YAML too, and a hundred times faster to read in a Worker.

    Raises YamlTextError.
    """
    if text.lstrip().startswith("{"):
        with suppress(ValueError):
            return parse_json(text)
    return parse_yaml(text).value


class _Loader(yaml.SafeLoader):
    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refusal("aliases are not allowed", event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise _refusal("tags are not allowed", event.start_mark)
        if self._depth >= MAX_DEPTH:
            raise _refusal(f"it is nested more than {MAX_DEPTH} levels deep", event.start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if isinstance(name, Hashable):
                if name in seen:
                    raise _refusal(f"{name!r} is there twice", key.start_mark)
                seen.add(name)
        return super().construct_mapping(node, deep)

    def construct_yaml_float(self, node: Any) -> float:
        value = super().construct_yaml_float(node)
        if not math.isfinite(value):
            raise _refusal("the number is not finite", node.start_mark)
        return value


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


def _refusal(problem: str, mark: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, mark)
