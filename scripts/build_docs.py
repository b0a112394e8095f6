"""Write docs/components.md from the contracts, docs/diagnostics.md from the catalogue, docs/limits.md from the limits.

python scripts/build_docs.py            writes them
python scripts/build_docs.py --check    exits 1 if one of them is out of date
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from limits_page import render_limits
from stage import BUILTIN_COMPONENTS, ROOT, component_folders_below

from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.workflows.diagnostics import CATALOGUE
from arcrun.yaml_text import parse_yaml, render_yaml


def main() -> None:
    pages = {
        "components.md": render(list(load_contracts())),
        "diagnostics.md": render_diagnostics(),
        "limits.md": render_limits(),
    }
    for name, lines in pages.items():
        text, target = "\n".join(lines) + "\n", ROOT / "docs" / name
        if "--check" not in sys.argv:
            target.write_text(text, encoding="utf-8")
        elif not target.is_file() or target.read_text(encoding="utf-8") != text:
            sys.exit(f"docs/{name} is out of date. Run: .venv/bin/python scripts/build_docs.py")


def render_diagnostics() -> Iterator[str]:
    yield "# Diagnostics"
    yield ""
    yield "The findings that `acr validate`, `POST /validate` and a push report for a workflow. Each has file, line,"
    yield "column, code, message, hint and `severity`. An error rejects the workflow; a warning names what can fail"
    yield "at run time. Generated from `arcrun/workflows/diagnostics.py` by `scripts/build_docs.py`."
    yield ""
    yield "| code | what it means | what to do |"
    yield "| --- | --- | --- |"
    for code, (meaning, remedy) in CATALOGUE.items():
        yield f"| `{code}` | {_cell(meaning)} | {_cell(remedy)} |"


def load_contracts() -> Iterator[Contract]:
    for folder in component_folders_below([BUILTIN_COMPONENTS]):
        yield parse_contract(parse_yaml((Path(folder) / "contract.yaml").read_text(encoding="utf-8")).value)


def render(contracts: list[Contract]) -> Iterator[str]:
    yield "# Components"
    yield ""
    yield "Generated from the contracts by `scripts/build_docs.py`. A component's output is its node's `data`, such as"
    yield "`{{NODE.data.count}}`; a failure is `{{NODE.error.code}}` and `{{NODE.error.message}}`."
    yield ""
    yield "| component | category | reaches | what it does |"
    yield "| --- | --- | --- | --- |"
    for contract in contracts:
        name = f"[`{contract.canonical_id}`](#{contract.canonical_id})"
        yield f"| {name} | {contract.category} | {_reaches(contract)} | {_cell(first_sentence(contract.description))} |"
    for contract in contracts:
        yield from render_section(contract)


def render_section(contract: Contract) -> Iterator[str]:
    yield ""
    yield f"## {contract.canonical_id}"
    yield ""
    yield f"{contract.display_name}, {contract.version}, {contract.stability}. {contract.description.strip()}"
    if contract.allowed_hosts:
        yield ""
        yield f"Calls {', '.join(f'`{host}`' for host in contract.allowed_hosts)}."
    yield ""
    yield from render_table("input", contract.input_schema)
    for credential in contract.credentials_required:
        yield ""
        yield (
            f"Credential `{credential.key}`, put into `{credential.inject_as}`: {credential.description} "
            f"See <{credential.help_url}>."
        )
    yield ""
    yield from render_table("output", contract.output_schema)
    yield ""
    yield "```yaml"
    example = {contract.canonical_id: {"component": contract.canonical_id, **contract.config_example}}
    yield render_yaml(example).rstrip()
    yield "```"


def render_table(title: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """A table of the fields, including nested ones, or the description if the schema names no fields."""
    if not schema.get("properties"):
        yield f"{title.capitalize()}: {_cell(schema['description'])}"
        return
    yield f"| {title} | type | |"
    yield "| --- | --- | --- |"
    yield from _render_fields(schema, "", mark_required=title == "input")


def _render_fields(schema: Mapping[str, Any], prefix: str, *, mark_required: bool) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        needed = "required. " if mark_required and name in schema.get("required", []) else ""
        said = _cell(needed + field.get("description", ""))
        yield f"| `{prefix}{name}` | {_cell(_type(field))} | {said} |"
        inner, place = field, f"{prefix}{name}"
        while "items" in inner:
            inner, place = inner["items"], f"{place}[]"
        yield from _render_fields(inner, f"{place}.", mark_required=mark_required)


def first_sentence(description: str) -> str:
    return description.strip().partition(". ")[0].rstrip(".") + "."


def _reaches(contract: Contract) -> str:
    return ", ".join(sorted(contract.capabilities)) or "nothing"


def _type(schema: Mapping[str, Any]) -> str:
    choices = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if choices:
        return ", ".join(f"`{json.dumps(value)}`" for value in choices)
    kind = schema.get("type", "any")
    kinds = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return kinds + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None:
        return "" if high is None else f", up to {high}"
    return f", from {low}" if high is None else f", {low} to {high}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    main()
