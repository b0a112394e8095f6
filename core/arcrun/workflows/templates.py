"""Templates in a node's config: `{{a.b[0].c}}`, `{{x?}}`, `{{x | default("y")}}`.

A text that is one reference keeps the value's type; within a longer text, values are written as JSON (texts as they
are). A reference that cannot be resolved is an error, unless it is optional (null) or has a default.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from arcrun.errors import TemplateError
from arcrun.json_text import parse_json

Scope = dict[str, Any]
Resolver = Callable[[Scope], Any]

_REFERENCE = re.compile(
    r"""\s*(?P<path>[\w-]+(?:\.[\w-]+|\[\d+\]|\["[^"]*"\])*)
        (?P<optional>\?)?
        (?:\s*\|\s*default\((?P<default>.+)\))?\s*""",
    re.VERBOSE | re.DOTALL,
)
_STEP = re.compile(r'[\w-]+|\["([^"]*)"\]')
_MISSING = object()


def compile_value(value: Any) -> Resolver:
    """Compile the templates in a config value of any shape.

    Raises TemplateError with code INVALID_TEMPLATE for a reference that cannot be parsed.
    """
    if isinstance(value, str):
        return _compile_text(value)
    if isinstance(value, Mapping):
        return _compile_mapping(value)
    if isinstance(value, list):
        items = [compile_value(item) for item in value]
        return lambda scope: [item(scope) for item in items]
    return lambda scope: value


def _compile_mapping(value: Mapping[Any, Any]) -> Resolver:
    entries = [(str(key), compile_value(item)) for key, item in value.items()]
    return lambda scope: {key: item(scope) for key, item in entries}


def _compile_text(text: str) -> Resolver:
    parts: list[str | Resolver] = []
    end = 0
    while (start := text.find("{{", end)) >= 0 and (close := text.find("}}", start + 2)) >= 0:
        reference = _compile_reference(text[start + 2 : close])
        if start == 0 and close + 2 == len(text):
            return reference
        parts += [text[end:start], reference]
        end = close + 2
    if not parts:
        return lambda scope: text
    parts.append(text[end:])
    return lambda scope: "".join(part if isinstance(part, str) else _render(part(scope)) for part in parts)


def _compile_reference(source: str) -> Resolver:
    match = _REFERENCE.fullmatch(source)
    if match is None:
        raise TemplateError(
            f"The reference {{{{{source}}}}} cannot be read.",
            code="INVALID_TEMPLATE",
            next_actions=['Write {{node.data.field}}, {{list[0]}}, {{x?}} or {{x | default("y")}}.'],
        )
    path = match["path"]
    steps = [quoted.group(1) if quoted.group(1) is not None else quoted.group() for quoted in _STEP.finditer(path)]
    fallback = _parse_fallback(match)

    def resolve(scope: Scope) -> Any:
        value = _follow(scope, steps)
        if value is not _MISSING:
            return value
        if fallback is not _MISSING:
            return fallback
        raise _unresolved(path, steps, scope)

    return resolve


def _parse_fallback(match: re.Match[str]) -> Any:
    if match["default"] is not None:
        try:
            return parse_json(match["default"])
        except ValueError:
            raise TemplateError(
                f"The default {match['default'].strip()} is not a JSON value.",
                code="INVALID_TEMPLATE",
                next_actions=['Write texts in double quotes: {{x | default("y")}}.'],
            ) from None
    return None if match["optional"] else _MISSING


def _follow(scope: Scope, steps: list[str]) -> Any:
    value: Any = scope
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step, _MISSING)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _MISSING
    return value


def _unresolved(path: str, steps: list[str], scope: Scope) -> TemplateError:
    for count in range(len(steps), 0, -1):
        found = _follow(scope, steps[: count - 1])
        if found is _MISSING:
            continue
        has = f"it has {', '.join(sorted(map(str, found))[:10])}" if isinstance(found, dict) else "it has no fields"
        where = f"`{'.'.join(steps[: count - 1])}`" if count > 1 else "the run"
        message = f"{{{{{path}}}}} cannot be resolved: {where} has no `{steps[count - 1]}`; {has}."
        break
    return TemplateError(
        message,
        next_actions=[f'If it may be missing, write {{{{{path}?}}}} or {{{{{path} | default("...")}}}}.'],
        details={"reference": path},
    )


def _render(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
