"""The filters of one template, bound to their arguments, and the errors for filters that cannot work."""

from collections.abc import Callable, Sequence
from typing import Any

from arcrun.errors import TemplateError
from arcrun.limits import MAX_FILTERS
from arcrun.templates.filters import DEFAULT, EMBEDDING_FILTERS, ENCODING_FILTERS, FILTERS, TRANSPARENT_FILTERS, Filter
from arcrun.templates.filters_values import FilterError
from arcrun.templates.hints import suggest_nearest
from arcrun.templates.rendering import Rendering
from arcrun.templates.syntax import FilterCall, Literal, ParsedReference

Render = Callable[[dict[str, Any], Rendering], Any]
# One filter: a function of the value, the scope for its arguments, and the rendering that counts its steps.
Stage = Callable[[Any, dict[str, Any], Rendering], Any]

_HINT = "See docs/templates.md for what each filter takes."


def bind_filter(parsed: ParsedReference, call: FilterCall, arguments: Sequence[Render]) -> Stage:
    """Bind a filter to its arguments. `arguments` render those of `call`.

    Raises TemplateError INVALID_TEMPLATE for errors that do not depend on values. The stage raises TEMPLATE_FAILED,
    TEMPLATE_TOO_COSTLY.
    """
    chosen = _find_filter(parsed, call)
    literals = _literals_of(call)
    try:
        _check_call(chosen, call, literals)
    except FilterError as error:
        raise _invalid(parsed, f"`{call.name}` {error}", error.hint or _HINT) from None
    if call.name == DEFAULT:
        render_default = arguments[0]
        return lambda value, scope, rendering: render_default(scope, rendering) if value is None else value

    def run_known(value: Any, scope: dict[str, Any], rendering: Rendering) -> Any:
        try:
            return chosen.run(value, literals or (), rendering.take)
        except FilterError as error:
            raise _failed(parsed, call, error, value) from None

    def run(value: Any, scope: dict[str, Any], rendering: Rendering) -> Any:
        rendered = [render(scope, rendering) for render in arguments]
        try:
            chosen.check_arguments(rendered)
            return chosen.run(value, rendered, rendering.take)
        except FilterError as error:
            raise _failed(parsed, call, error, value) from None

    return run if literals is None else run_known


def kind_of_call(call: FilterCall) -> str | None:
    """The JSON type of every result of the filter, None if it varies."""
    return FILTERS[call.name].kind(_literals_of(call))


def check_secrecy(parsed: ParsedReference, holds: bool, named: Sequence[bool]) -> None:
    """Refuse filters that would hide a credential from redaction, because it would then be stored in records.

    `holds` is whether the template begins with a credential, `named` for each filter whether an argument is one. Raises
    TemplateError INVALID_TEMPLATE.
    """
    encodings: list[str] = []
    for call, names in zip(parsed.calls, named, strict=True):
        if holds and call.name not in TRANSPARENT_FILTERS:
            hint = f"A value with a credential can only go through {', '.join(sorted(TRANSPARENT_FILTERS))}."
            raise _invalid(parsed, f"`{call.name}` would hide a credential from redaction", hint)
        if names and call.name not in EMBEDDING_FILTERS:
            hint = f"A credential can only be an argument of {', '.join(sorted(EMBEDDING_FILTERS))}."
            raise _invalid(parsed, f"`{call.name}` cannot have a credential as an argument", hint)
        holds = holds or names
        if holds and call.name in ENCODING_FILTERS:
            encodings.append(call.name)
            if len(encodings) > 1 and encodings != ["base64", "url_encode"]:
                problem = f"`{call.name}` after `{encodings[-2]}` would hide a credential from redaction"
                raise _invalid(parsed, problem, "Encode a credential once, or with base64 and then url_encode.")


def _find_filter(parsed: ParsedReference, call: FilterCall) -> Filter:
    if len(parsed.calls) > MAX_FILTERS:
        hint = "Compute a part of it in a node `set` first."
        raise _invalid(parsed, f"it has {len(parsed.calls)} filters; the limit is {MAX_FILTERS}", hint)
    chosen = FILTERS.get(call.name)
    if chosen is None:
        hint = f"{suggest_nearest(call.name, FILTERS)} The filters are {', '.join(FILTERS)}.".strip()
        raise _invalid(parsed, f"there is no filter `{call.name}`", hint)
    return chosen


def _literals_of(call: FilterCall) -> list[Any] | None:
    """The arguments, None if one of them is a reference."""
    literals = [argument.value for argument in call.arguments if isinstance(argument, Literal)]
    return literals if len(literals) == len(call.arguments) else None


def _check_call(chosen: Filter, call: FilterCall, literals: Sequence[Any] | None) -> None:
    """Check the arguments that are literals. Raises FilterError."""
    chosen.check_count(len(call.arguments))
    for parameter, argument in zip(chosen.parameters, call.arguments, strict=False):
        if isinstance(argument, Literal):
            chosen.check_argument(parameter, argument.value)
    if literals is not None:
        chosen.check_arguments(literals)


def _invalid(parsed: ParsedReference, problem: str, hint: str) -> TemplateError:
    message = f"The reference {{{{{parsed.source}}}}} cannot be read: {problem}."
    return TemplateError(message, code="INVALID_TEMPLATE", next_actions=[hint])


def _failed(parsed: ParsedReference, call: FilterCall, error: FilterError, value: Any) -> TemplateError:
    """The message has the types, never the value, which may be a secret."""
    hint = _HINT
    if value is None:
        hint = f'If it may be null, add a default before it: | default("...") | {call.name}.'
    return TemplateError(
        f"{{{{{parsed.source.strip()}}}}}: `{call.name}` {error}.",
        code="TEMPLATE_FAILED",
        next_actions=[hint],
        details={"filter": call.name},
    )
