"""Templates in a node's config: `{{a.b[0].c}}`, `{{x?}}`, `{{x | default("y")}}`, `{{x.list | sort("id") | first}}`.

A string that is exactly one reference keeps the value's type; line feeds at its end, which a YAML block adds, are
ignored. Within a longer string, values are written as JSON (strings unchanged), and also in a mapping's keys. A
reference that cannot be resolved is an error, unless it is optional (null) or its first filter is `default`.
docs/templates.md has the grammar and the filters.

References are resolved in a scope: {name: value} for `input`, the nodes that have settled, the items of the enclosing
loops, `credential`; and under START the start time of the run.

Everything is compiled to closures once; `render` does no parsing. It counts its work as it proceeds (rendering.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from arcrun.errors import TemplateError
from arcrun.templates.clocks import CLOCKS, read_clock
from arcrun.templates.filters import DEFAULT
from arcrun.templates.filters_call import bind_filter, check_secrecy, kind_of_call
from arcrun.templates.filters_values import count_written, kind_of, render_text
from arcrun.templates.rendering import Rendering
from arcrun.templates.syntax import (
    OPEN,
    Literal,
    ParsedPath,
    ParsedReference,
    follow,
    parse_expression,
    parse_template,
    prepare_steps,
)

Scope = dict[str, Any]
Render = Callable[[Scope, Rendering], Any]

CREDENTIAL = "credential"
# Scope keys that no template can name: the outcome of the loop that leaves the trigger, because {{input.results}} must
# not depend on the trigger's data; and the start time of the run in milliseconds since 1970.
INPUT_LOOP = "\0input loop"
START = "\0start"
PREVIOUS = "previous"  # in a node with `repeat`: what its last round answered, null in the first
COLLECTED, ROUNDS = "collected", "rounds"
REPEAT_FIELDS = (COLLECTED, ROUNDS)  # fields that `repeat` adds to its node
STATES = "states"
LOOP_FIELDS = ("results", "errors", STATES)  # fields that a finished FOREACH adds to its source
ALIASES = {"creds": CREDENTIAL, **dict.fromkeys(("trigger", "webhook", "start"), "input")}

_MISSING = object()
_MAX_SORTED, _MAX_NAMED = 100, 10  # fields of an object, in a message


@dataclass(frozen=True)
class Reference:
    """A path in a template, as written, and its steps; `steps[0]` is the name that it starts from.

    `has_fallback` is whether it may be missing: it is optional, or followed by `default`.
    """

    path: str
    steps: tuple[str, ...]
    has_fallback: bool = False

    @property
    def head(self) -> str:
        return self.steps[0]


@dataclass(frozen=True)
class Template:
    """A compiled value of any shape. `whole` is whether it is exactly one reference.

    `references` are all of its references, including filters' arguments and keys of mappings. `kind` is the JSON type
    ("string", "number", "integer", "boolean", "array", "object") of its result if that does not depend on values, else
    None. A string without references may still resolve to another one: `{{"{{"}}` is `{{`.
    """

    render: Render
    references: tuple[Reference, ...] = ()
    whole: bool = False
    kind: str | None = None

    def resolve(self, scope: Scope) -> Any:
        """The rendered value, with a Rendering of its own. Raises TemplateError, InputError INPUT_TOO_LARGE."""
        return self.render(scope, Rendering())


def compile_value(value: Any) -> Template:
    """Compile the templates in a config value of any shape.

    Raises TemplateError INVALID_TEMPLATE for an invalid template. `render` raises it with UNRESOLVED_REFERENCE for a
    missing value, and with TEMPLATE_FAILED for a filter that does not accept its value and for two keys of a mapping
    that become equal.
    """
    if isinstance(value, str):
        return _compile_text(value)
    if not _holds_template(value):  # the largest part of most configs: it needs no closure per value
        kind = None if value is None else kind_of(value)
        if isinstance(value, Mapping):
            fields = {str(key): item for key, item in value.items()}
            return Template(lambda scope, rendering: fields.copy(), kind=kind)
        return Template(lambda scope, rendering: value, kind=kind)
    if isinstance(value, Mapping):
        return _compile_mapping(value)
    items = [compile_value(item) for item in value]
    renders = [item.render for item in items]
    return Template(
        lambda scope, rendering: [render(scope, rendering) for render in renders], _references_of(items), kind="array"
    )


def _holds_template(value: Any) -> bool:
    if isinstance(value, str):
        return OPEN in value
    if isinstance(value, Mapping):
        return any(map(_holds_template, value)) or any(map(_holds_template, value.values()))
    return isinstance(value, list) and any(map(_holds_template, value))


def compile_path(path: str) -> Template:
    """Compile a reference without braces, as in a FOREACH. Raises TemplateError INVALID_TEMPLATE."""
    return _compile_reference(parse_expression(path))


def _references_of(templates: Sequence[Template]) -> tuple[Reference, ...]:
    return tuple(reference for template in templates for reference in template.references)


def _compile_mapping(value: Mapping[Any, Any]) -> Template:
    entries = [(str(key), compile_value(item)) for key, item in value.items()]
    if any(OPEN in key for key, _ in entries):
        return _compile_keyed_mapping(entries)
    fixed = {str(key): item if _is_fixed(item) else None for key, item in value.items()}
    renders = [(key, item.render) for key, item in entries if fixed[key] is None]

    def render(scope: Scope, rendering: Rendering) -> dict[str, Any]:
        rendered = fixed.copy()
        for key, render_item in renders:
            rendered[key] = render_item(scope, rendering)
        return rendered

    return Template(render, _references_of([item for _, item in entries]), kind="object")


def _is_fixed(value: Any) -> bool:
    """Whether the value is a scalar without a template, which needs no rendering."""
    return not isinstance(value, Mapping | list) and not _holds_template(value)


def _compile_keyed_mapping(entries: Sequence[tuple[str, Template]]) -> Template:
    """Compile a mapping with templates in its keys."""
    keys = [_compile_text(key) for key, _ in entries]
    parts = [(written, key.render, item.render) for (written, item), key in zip(entries, keys, strict=True)]

    def render(scope: Scope, rendering: Rendering) -> dict[str, Any]:
        rendered: dict[str, Any] = {}
        for written, render_key, render_item in parts:
            key = _write_text(render_key(scope, rendering), rendering)
            if key in rendered:
                raise TemplateError(
                    f"The key {written} becomes equal to another key of its mapping.",
                    code="TEMPLATE_FAILED",
                    next_actions=["Make the keys of the mapping distinct."],
                )
            rendered[key] = render_item(scope, rendering)
        return rendered

    interleaved = [template for (_, item), key in zip(entries, keys, strict=True) for template in (key, item)]
    return Template(render, _references_of(interleaved), kind="object")


def _compile_text(text: str) -> Template:
    start = text.find(OPEN)
    if start < 0:
        return Template(lambda scope, rendering: text, kind="string")
    parts: list[str | Render] = []
    references: list[Reference] = []
    end = 0
    while start >= 0:
        parsed, close = parse_template(text, start)
        template = _compile_reference(parsed)
        if start == 0 and not text[close:].strip("\n"):
            return _keeping(template, makes=bool(parsed.calls))
        literal = parsed.head.value if isinstance(parsed.head, Literal) and not parsed.calls else None
        parts += [text[end:start], template.render if literal is None else literal]
        references += template.references
        start, end = text.find(OPEN, close), close
    parts.append(text[end:])
    return Template(_join_parts(parts), tuple(references), kind="string")


def _keeping(template: Template, *, makes: bool) -> Template:
    """The template, with its result counted as a part of the whole."""
    render = template.render
    if makes:
        return _rendered_by(template, lambda scope, rendering: rendering.keep_made(render(scope, rendering)))
    return _rendered_by(template, lambda scope, rendering: rendering.keep(render(scope, rendering)))


def _rendered_by(template: Template, render: Render) -> Template:
    return Template(render, template.references, template.whole, template.kind)


def _join_parts(parts: Sequence[str | Render]) -> Render:
    if all(isinstance(part, str) for part in parts):
        text = "".join(str(part) for part in parts)
        return lambda scope, rendering: text
    return lambda scope, rendering: "".join(
        [part if isinstance(part, str) else _write_text(part(scope, rendering), rendering) for part in parts]
    )


def _write_text(value: Any, rendering: Rendering) -> str:
    """A value within a string, counted as a part of the whole."""
    if not isinstance(value, str):
        if isinstance(value, list | dict):
            rendering.take(count_written(value))
        value = render_text(value)
    rendering.keep_made(value)
    return str(value)


def _compile_reference(parsed: ParsedReference) -> Template:
    if isinstance(parsed.head, Literal):
        text = parsed.head.value
        head = Template(lambda scope, rendering: text, (), whole=True, kind="string")
    else:
        is_defaulted = bool(parsed.calls) and parsed.calls[0].name == DEFAULT
        head = _compile_path(parsed.head, has_default=is_defaulted)
    return _compile_filters(parsed, head) if parsed.calls else head


def _compile_path(path: ParsedPath, *, has_default: bool = False) -> Template:
    """With a default, a missing value is null, as for an optional path; the default then replaces it."""
    name = ALIASES.get(path.steps[0], path.steps[0])
    may_be_missing = path.is_optional or has_default
    reference = Reference(path.text, (name, *path.steps[1:]), may_be_missing)
    if name in CLOCKS:
        kind = kind_of(read_clock(name, 0))
        return Template(lambda scope, rendering: read_clock(name, scope[START]), (reference,), whole=True, kind=kind)
    look_up = _build_lookup(reference)
    if name == "input" and len(reference.steps) > 1 and reference.steps[1] in LOOP_FIELDS:
        look_up = _build_loop_lookup(reference, look_up)
    return Template(look_up, (reference,), whole=True)


def _build_lookup(reference: Reference) -> Render:
    names, path, may_be_missing = reference.steps, reference.path, reference.has_fallback
    steps = prepare_steps(names)

    def look_up(scope: Scope, rendering: Rendering) -> Any:
        value = follow(scope, steps, _MISSING)
        if value is not _MISSING:
            return value
        if may_be_missing:
            return None
        raise _unresolved(path, names, scope)

    def look_up_fields(scope: Scope, rendering: Rendering) -> Any:
        """A faster version for a path without indexes that can be resolved."""
        value: Any = scope
        try:
            for name in names:
                value = value[name]
        except (KeyError, TypeError):
            return look_up(scope, rendering)
        return value

    may_index = any(index is not None for _, index in steps)
    return look_up if may_index or may_be_missing else look_up_fields


def _build_loop_lookup(reference: Reference, otherwise: Render) -> Render:
    """{{input.results}} and {{input.errors}}, which are the loop's if a FOREACH leaves the trigger."""
    steps = prepare_steps(reference.steps[1:])

    def look_up(scope: Scope, rendering: Rendering) -> Any:
        if INPUT_LOOP not in scope:
            return otherwise(scope, rendering)
        value = follow(scope[INPUT_LOOP], steps, _MISSING)
        if value is not _MISSING:
            return value
        if reference.has_fallback:
            return None
        raise _unresolved(reference.path, reference.steps, scope)

    return look_up


def _compile_filters(parsed: ParsedReference, head: Template) -> Template:
    arguments = [[_compile_argument(argument) for argument in call.arguments] for call in parsed.calls]
    stages = [
        bind_filter(parsed, call, [argument.render for argument in of_call])
        for call, of_call in zip(parsed.calls, arguments, strict=True)
    ]
    check_secrecy(parsed, _names_credential([head]), [_names_credential(of_call) for of_call in arguments])
    named = [
        replace(it, has_fallback=True) if call.name == DEFAULT and it.head != CREDENTIAL else it  # read only if needed
        for call, of_call in zip(parsed.calls, arguments, strict=True)
        for it in _references_of(of_call)
    ]
    references = (*head.references, *named)
    kind = kind_of_call(parsed.calls[-1])
    render_head, otherwise = head.render, parsed.calls[0].arguments[0] if parsed.calls[0].name == DEFAULT else None
    if len(stages) == 1 and isinstance(otherwise, Literal):
        return Template(_build_default(render_head, otherwise.value), references, whole=True, kind=kind)
    mask = _find_mask(head)

    def render(scope: Scope, rendering: Rendering) -> Any:
        value = render_head(scope, rendering)
        if mask is not None and value == mask:
            return value
        for stage in stages:
            value = stage(value, scope, rendering)
        return value

    return Template(render, references, whole=True, kind=kind)


def _names_credential(templates: Sequence[Template]) -> bool:
    return any(reference.head == CREDENTIAL for reference in _references_of(templates))


def _build_default(render_head: Render, otherwise: Any) -> Render:
    """A default as the only filter, the most frequent case by far."""

    def render(scope: Scope, rendering: Rendering) -> Any:
        value = render_head(scope, rendering)
        return otherwise if value is None else value

    return render


def _find_mask(head: Template) -> str | None:
    """The placeholder in records of the credential that the reference begins with. It is shown without filters."""
    names = [
        reference.steps[1] for reference in head.references if reference.head == CREDENTIAL and reference.steps[1:]
    ]
    return f"{{{{{CREDENTIAL}.{names[0]}}}}}" if names else None


def _compile_argument(argument: Literal | ParsedPath) -> Template:
    if isinstance(argument, ParsedPath):
        return _compile_path(argument)
    value = argument.value
    return Template(lambda scope, rendering: value)


def _unresolved(path: str, steps: Sequence[str], scope: Scope) -> TemplateError:
    count, found = _find_missing(steps, scope)
    fields = found if isinstance(found, dict) else {}
    looked_at = islice((name for name in fields if name not in (START, INPUT_LOOP)), _MAX_SORTED)
    names = sorted(map(str, looked_at))[:_MAX_NAMED]
    has = f"it has {', '.join(names)}" if names else "it has no fields"
    where = f"`{'.'.join(steps[:count])}`" if count else "the run"
    return TemplateError(
        f"{{{{{path}}}}} cannot be resolved: {where} has no `{steps[count]}`; {has}.",
        next_actions=[f'If it may be missing, write {{{{{path}?}}}} or {{{{{path} | default("...")}}}}.'],
        details={"reference": path},
    )


def _find_missing(steps: Sequence[str], scope: Scope) -> tuple[int, Any]:
    """The number of leading steps that can be resolved, of a path that cannot, and the value there."""
    found: Any = scope
    for count, step in enumerate(prepare_steps(steps)):
        inner = follow(found, (step,), _MISSING)
        if inner is _MISSING:
            return count, found
        found = inner
    raise AssertionError("the path leads somewhere")
