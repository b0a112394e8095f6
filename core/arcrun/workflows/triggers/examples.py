"""`examples` of a workflow's file: inputs by name that it is tried with, `{busy: {name: Ada}}`. No run reads them."""

from collections.abc import Mapping
from typing import Any

from arcrun.limits import MAX_EXAMPLE_NAME_CHARACTERS, MAX_EXAMPLES
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.yaml_text import YamlTextError, parse_yaml

EXAMPLES = "examples"


def check_examples(findings: Findings, value: Any, at: Path) -> None:
    if not isinstance(value, Mapping):
        hint = "For example: {busy: {name: Ada}}, an input under each name."
        findings.add("INVALID_EXAMPLE", "`examples` must be a mapping of inputs by name", hint, at=at)
        return
    if len(value) > MAX_EXAMPLES:
        message = f"there are {len(value)} examples; the limit is {MAX_EXAMPLES}"
        findings.add("INVALID_EXAMPLE", message, "Move some into the workflow's tests.", at=at)
    for name in value:
        if not 1 <= len(str(name)) <= MAX_EXAMPLE_NAME_CHARACTERS:
            message = f"the name of an example has from 1 to {MAX_EXAMPLE_NAME_CHARACTERS} characters"
            findings.add("INVALID_EXAMPLE", message, at=(*at, name))


def read_examples(source: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """The examples of a workflow's text or object by name; none of what cannot be read."""
    try:
        data = parse_yaml(source).value if isinstance(source, str) else source
    except YamlTextError:
        return {}
    found = data.get(EXAMPLES) if isinstance(data, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def leave_out_examples(data: Any) -> Any:
    """A workflow without its examples: another example makes no other workflow."""
    if not isinstance(data, Mapping):
        return data
    return {name: value for name, value in data.items() if name != EXAMPLES}
