"""JMESPath with a bound on its work: even a short expression could otherwise block an isolate.

A step is an evaluated node of the syntax tree, an element that is copied or compared, or 256 characters. The steps of
an operation are taken before it is done. Operations that look inside a value, such as `==` and to_string(), pay for all
of it, because a value may contain the same list many times.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from jmespath.functions import Functions
from jmespath.visitor import Options, TreeInterpreter

CHARACTERS_A_STEP = 256
_LOOKS_INTO = ("to_string", "contains", "join")
_SORTS = ("sort", "sort_by")
_COMPARING = (*_SORTS, "max", "max_by", "min", "min_by")
_MEASURED_A_STEP = 4  # values that are searched for long strings


class TooManyStepsError(Exception):
    """The expression takes more steps than allowed."""


class BoundedInterpreter(TreeInterpreter):
    """An interpreter for one evaluation. Raises TooManyStepsError, and the errors of jmespath."""

    def __init__(self, max_steps: int) -> None:
        super().__init__(Options(custom_functions=_BoundedFunctions(self)))
        self.steps_left = max_steps

    def take(self, steps: int) -> None:
        self.steps_left -= steps
        if self.steps_left < 0:
            raise TooManyStepsError

    def take_shallow(self, value: Any) -> None:
        """Take steps for an operation that goes through a value's elements or characters once."""
        if isinstance(value, str):
            self.take(1 + len(value) // CHARACTERS_A_STEP)
        elif isinstance(value, list | dict):
            self.take(1 + len(value))

    def take_deep(self, value: Any) -> None:
        """Take steps for an operation that goes through everything in a value."""
        for each in _all_in(value):
            self.take_shallow(each)

    def measure_long(self, values: list[Any]) -> int:
        """The steps of comparing each long string in `values` once with another one."""
        steps = 0
        for seen, each in enumerate(_all_in(values)):
            if seen % _MEASURED_A_STEP == 0:
                self.take(1)
            if isinstance(each, str):
                steps += len(each) // CHARACTERS_A_STEP
        return steps

    def visit(self, node: Any, *arguments: Any, **options: Any) -> Any:
        self.take(1)
        return super().visit(node, *arguments, **options)

    def visit_comparator(self, node: Any, value: Any) -> Any:
        left, right = (self.visit(child, value) for child in node["children"])
        for side in (left, right):
            self.take_deep(side)
        return super().visit_comparator(_on_values(node, left, right), value)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        base = self.visit(node["children"][0], value)
        self.take_shallow(base)
        for element in base if isinstance(base, list) else ():
            if isinstance(element, list):
                self.take(len(element))
        return super().visit_flatten(_on_values(node, base), value)

    def visit_slice(self, node: Any, value: Any) -> Any:
        self.take_shallow(value)
        return super().visit_slice(node, value)


def _all_in(value: Any) -> Iterator[Any]:
    """The value and everything in it. The contents of a list or an object are visited only after it has been yielded,
    so a caller that takes steps for each can stop before.
    """
    waiting = [value]
    while waiting:
        each = waiting.pop()
        yield each
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            waiting += each.values()


def _on_values(node: Any, *values: Any) -> Any:
    """The node with its children replaced by their values."""
    return {**node, "children": [{"type": "literal", "value": value, "children": []} for value in values]}


def _is_sized(value: Any) -> bool:
    return isinstance(value, str | list)


class _BoundedFunctions(Functions):
    def __init__(self, interpreter: BoundedInterpreter) -> None:
        self._interpreter = interpreter

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:
        arguments = list(resolved_args)
        for argument in arguments:
            if function_name in _LOOKS_INTO:
                self._interpreter.take_deep(argument)
            else:
                self._interpreter.take_shallow(argument)
            if function_name in _COMPARING and isinstance(argument, list):
                rounds = len(argument).bit_length() if function_name in _SORTS else 1
                self._interpreter.take((len(argument) + self._interpreter.measure_long(argument)) * rounds)
        if function_name == "join" and len(arguments) == 2 and all(map(_is_sized, arguments)):
            self._interpreter.take(len(arguments[0]) * len(arguments[1]) // CHARACTERS_A_STEP)
        return super().call_function(function_name, arguments)
