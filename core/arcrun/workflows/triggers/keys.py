"""Keys that are computed from a request, before its run: templates that read `input` and `request` only."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from arcrun.errors import TemplateError
from arcrun.templates.filters_values import render_text
from arcrun.templates.request import REQUEST, REQUEST_FIELDS, find_request_problem
from arcrun.templates.template import Reference, Template, compile_value
from arcrun.workflows.diagnostics import Findings, Path

INPUT = "input"
_NOT_IN_KEYS = "received_at"  # it differs in each repetition of a request


@dataclass(frozen=True)
class RequestKey:
    """The template of a key. It was validated when the plan was made."""

    text: str

    @cached_property
    def _template(self) -> Template:
        return compile_value(self.text)

    @cached_property
    def request_fields(self) -> tuple[str, ...]:
        """The fields of `request` that it reads."""
        read = {ref.steps[1] if len(ref.steps) > 1 else "" for ref in self._template.references if ref.head == REQUEST}
        return tuple(name for name in REQUEST_FIELDS if (name in read or "" in read) and name != _NOT_IN_KEYS)

    @cached_property
    def is_optional(self) -> bool:
        """Whether a request without it is let in: all that the template reads may be missing."""
        return all(reference.has_fallback for reference in self._template.references)

    def render(self, input_value: Any, request: Mapping[str, Any]) -> str:
        """The key; empty if the template is null. Raises TemplateError, InputError INPUT_TOO_LARGE."""
        value = self._template.resolve({INPUT: input_value, REQUEST: request})
        return "" if value is None else render_text(value)


def parse_key(findings: Findings, value: Any, example: str, at: Path) -> RequestKey | None:
    """The key; None if it has errors, each of which is among the findings."""
    told = len(findings.found)
    if not isinstance(value, str):
        findings.add("INVALID_SETTING", "`key` must be a template of the request", example, at=at)
        return None
    try:
        references = compile_value(value).references
    except TemplateError as error:
        findings.add("INVALID_TEMPLATE", f"in `key`: {error.message.rstrip('.')}", error.next_actions[0], at=at)
        return None
    if not references:
        findings.add("INVALID_SETTING", "`key` is the same for every request", example, at=at)
    for reference in references:
        if problem := _find_problem(reference):
            findings.add("UNRESOLVED_REFERENCE", f"{{{{{reference.path}}}}} {problem[0]}", problem[1], at=at)
    return RequestKey(value) if len(findings.found) == told else None


def _find_problem(reference: Reference) -> tuple[str, str] | None:
    """The rest of a sentence, and a hint."""
    if reference.head == REQUEST:
        if reference.steps[1:2] == (_NOT_IN_KEYS,):
            return "is another one in each repetition of a request", "Name what stays the same, such as an event's id."
        return find_request_problem(reference.steps)
    if reference.head == INPUT:
        return None
    return "cannot be in a key, which is computed before the run", "A key reads `input` and `request`."
