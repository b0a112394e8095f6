"""Templates in a node's config: `{{a.b[0].c}}`, `{{x?}}`, `{{x | default("y")}}`.

A text that is one reference keeps the value's type; within a longer text, values are written as JSON (texts as they
are). A reference that cannot be resolved is an error, unless it is optional (null) or has a default.

What references see is a scope: {name: value} for `input`, the nodes that have settled, the items of the loops around,
`credential`; and under START the time of the clocks.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.errors import TemplateError
from arcrun.json_text import parse_json
from arcrun.workflows.clocks import CLOCKS, read_clock

Scope = dict[str, Any]
Resolver = Callable[[Scope], Any]

CREDENTIAL = "credential"
# Keys of a scope that no template can name: what the loop that leaves the trigger has come to, for {{input.results}}
# must not depend on what the trigger is; and when the run started, in milliseconds since 1970.
INPUT_LOOP = "\0input loop"
START = "\0start"
LOOP_FIELDS = ("results", "errors")  # of a node that FOREACH leaves, when its loop has finished
ALIASES = {"creds": CREDENTIAL, **dict.fromkeys(("trigger", "webhook", "start"), "input")}

_REFERENCE = re.compile(
    r"""\s*(?P<path>[\w-]+(?:\.[\w-]+|\[\d+\]|\["[^"]*"\])*)
        (?P<optional>\?)?
        (?:\s*\|\s*default\((?P<default>.+)\))?\s*""",
    re.VERBOSE | re.DOTALL,
)
_STEP = re.compile(r'[\w-]+|\["([^"]*)"\]')
_MISSING = object()


@dataclass(frozen=True)
class Reference:
    """One `{{...}}`: the path as written, and its steps; `steps[0]` is the name that it starts from."""

    path: str
    steps: tuple[str, ...]
    has_fallback: bool = False

    @property
    def head(self) -> str:
        return self.steps[0]


@dataclass(frozen=True)
class Template:
    """A value of any shape whose templates are compiled. `whole` is whether it is one reference and nothing else."""

    resolve: Resolver
    references: tuple[Reference, ...] = ()
    whole: bool = False
    kind: str | None = None


def compile_value(value: Any) -> Template:
    """Compile the templates in a config value of any shape.

    Raises TemplateError with code INVALID_TEMPLATE for a reference that cannot be parsed.
    """
    if isinstance(value, str):
        return _compile_text(value)
    if isinstance(value, Mapping):
        entries = [(str(key), compile_value(item)) for key, item in value.items()]
        resolvers = [(key, item.resolve) for key, item in entries]
        references = tuple(reference for _, item in entries for reference in item.references)
        return Template(lambda scope: {key: resolve(scope) for key, resolve in resolvers}, references)
    if isinstance(value, list):
        items = [compile_value(item) for item in value]
        resolves = [item.resolve for item in items]
        references = tuple(reference for item in items for reference in item.references)
        return Template(lambda scope: [resolve(scope) for resolve in resolves], references)
    return Template(lambda scope: value)


def _compile_text(text: str) -> Template:
    parts: list[str | Resolver] = []
    references: list[Reference] = []
    end = 0
    while (start := text.find("{{", end)) >= 0 and (close := text.find("}}", start + 2)) >= 0:
        reference = _compile_reference(text[start + 2 : close])
        if start == 0 and close + 2 == len(text):
            return reference
        parts += [text[end:start], reference.resolve]
        references += reference.references
        end = close + 2
    if not parts:
        return Template(lambda scope: text)
    parts.append(text[end:])
    return Template(
        lambda scope: "".join(part if isinstance(part, str) else _render(part(scope)) for part in parts),
        tuple(references),
        kind="string",
    )


def compile_path(path: str) -> Template:
    """A path without braces, such as a FOREACH has. Raises TemplateError INVALID_TEMPLATE."""
    return _compile_reference(path)


def _compile_reference(source: str) -> Template:
    match = _REFERENCE.fullmatch(source)
    if match is None:
        raise TemplateError(
            f"The reference {{{{{source}}}}} cannot be read.",
            code="INVALID_TEMPLATE",
            next_actions=['Write {{node.data.field}}, {{list[0]}}, {{x?}} or {{x | default("y")}}.'],
        )
    path = match["path"]
    steps = [quoted.group(1) if quoted.group(1) is not None else quoted.group() for quoted in _STEP.finditer(path)]
    steps[0] = ALIASES.get(steps[0], steps[0])
    fallback = _parse_fallback(match)
    reference = Reference(path, tuple(steps), fallback is not _MISSING)
    if steps[0] in CLOCKS:
        return Template(lambda scope: read_clock(steps[0], scope[START]), (reference,), whole=True)

    may_be_of_loop = steps[0] == "input" and len(steps) > 1 and steps[1] in LOOP_FIELDS

    def resolve(scope: Scope) -> Any:
        if may_be_of_loop and INPUT_LOOP in scope:
            value = _follow(scope[INPUT_LOOP], steps[1:])
        else:
            value = _follow(scope, steps)
        if value is not _MISSING:
            return value
        if fallback is not _MISSING:
            return fallback
        raise _unresolved(path, steps, scope)

    return Template(resolve, (reference,), whole=True)


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
        fields = found if isinstance(found, dict) else {}
        names = sorted(str(name) for name in fields if name not in (START, INPUT_LOOP))[:10]
        has = f"it has {', '.join(names)}" if names else "it has no fields"
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
