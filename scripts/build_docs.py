"""Write docs/components.md from the contracts: one table, then a section for each component.

python scripts/build_docs.py            writes it
python scripts/build_docs.py --check    exits 1 if it is not what the contracts say
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from stage import BUILTIN_COMPONENTS, ROOT, component_folders_below

from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract

TARGET = ROOT / "docs/components.md"


def main() -> None:
    text = "\n".join(render(list(load_contracts()))) + "\n"
    if "--check" not in sys.argv:
        TARGET.write_text(text, encoding="utf-8")
    elif not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != text:
        sys.exit("docs/components.md is not what the contracts say. Run: .venv/bin/python scripts/build_docs.py")


def load_contracts() -> Iterator[Contract]:
    for folder in component_folders_below([BUILTIN_COMPONENTS]):
        yield parse_contract(yaml.safe_load((Path(folder) / "contract.yaml").read_text(encoding="utf-8")))


def render(contracts: list[Contract]) -> Iterator[str]:
    yield "# Components"
    yield ""
    yield "Made from the contracts by `scripts/build_docs.py`."
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
    yield "| input | type | |"
    yield "| --- | --- | --- |"
    required = contract.input_schema.get("required", [])
    for name, schema in contract.input_schema["properties"].items():
        needed = "required. " if name in required else ""
        yield f"| `{name}` | {_cell(_type(schema))} | {needed}{_cell(schema.get('description', ''))} |"
    for credential in contract.credentials_required:
        yield ""
        yield (
            f"Credential `{credential.key}`, put into `{credential.inject_as}`: {credential.description} "
            f"See <{credential.help_url}>."
        )
    yield ""
    yield "```yaml"
    example = {contract.canonical_id: {"component": contract.canonical_id, **contract.config_example}}
    yield yaml.safe_dump(example, allow_unicode=True, sort_keys=False, width=120).rstrip()
    yield "```"


def first_sentence(description: str) -> str:
    return description.strip().partition(". ")[0].rstrip(".") + "."


def _reaches(contract: Contract) -> str:
    return ", ".join(sorted(contract.capabilities)) or "nothing"


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    kind = schema.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    main()
