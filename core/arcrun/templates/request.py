"""The names of `request` in templates and expressions: the request that started the run."""

from collections.abc import Mapping, Sequence

from arcrun.templates.hints import suggest_nearest

REQUEST = "request"
HEADERS = "headers"
# The fields, and the JSON types of their values.
REQUEST_FIELDS: Mapping[str, frozenset[str]] = {
    "method": frozenset({"string"}),
    "path": frozenset({"string"}),
    "query": frozenset({"object"}),
    "query_all": frozenset({"object"}),
    HEADERS: frozenset({"object"}),
    "content_type": frozenset({"string", "null"}),
    "text": frozenset({"string", "null"}),
    "received_at": frozenset({"string"}),
    "ip": frozenset({"string", "null"}),
    "trigger": frozenset({"object"}),
}
_ELSE = "The body is `input`, and `request.text` its raw text."


def types_of_request(steps: Sequence[str]) -> frozenset[str]:
    """The possible JSON types of a path that starts from `request`; empty if unknown."""
    if len(steps) == 1:
        return frozenset({"object"})
    return REQUEST_FIELDS.get(steps[1], frozenset()) if len(steps) == 2 else frozenset()


def find_request_problem(steps: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with a path that starts from `request`: the rest of a sentence, and a hint. None if nothing is."""
    if len(steps) == 1:
        return None
    field = steps[1]
    if field not in REQUEST_FIELDS:
        hint = suggest_nearest(field, REQUEST_FIELDS, _ELSE, ignore_case=True)
        return f"does not exist: a request has {', '.join(REQUEST_FIELDS)}", hint
    if len(steps) > 2 and "object" not in REQUEST_FIELDS[field]:
        return "does not exist: it is a string and has no fields", f"Write {REQUEST}.{field}."
    if len(steps) > 2 and field == HEADERS and steps[2] != steps[2].lower():
        return "does not exist: names of headers are in lower case", f'Write {REQUEST}.{HEADERS}["{steps[2].lower()}"].'
    return None
