"""docs/components/: a page for each built-in component, with all that somebody who uses it asks for."""

import re
import sys
from pathlib import Path

import pytest

from arcrun.contracts.model import Contract
from arcrun.yaml_text import parse_yaml
from fakes.builtins import BUILTINS

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/components"
LONGEST_CELL = 420  # characters; a summary of 240 stands beside types and an example
CASES = [pytest.param(contract, id=name) for name, contract in sorted(BUILTINS.items())]

sys.path.append(str(ROOT / "scripts"))


def read(contract: Contract) -> str:
    return (PAGES / f"{contract.canonical_id}.md").read_text(encoding="utf-8")


def test_the_index_and_the_menu_have_every_page() -> None:
    index, menu = (path.read_text(encoding="utf-8") for path in (PAGES / "index.md", ROOT / "mkdocs.yml"))
    assert [name for name in BUILTINS if f"[`{name}`]({name}.md)" not in index] == []
    assert [name for name in BUILTINS if f"components/{name}.md" not in menu] == []


@pytest.mark.parametrize("contract", CASES)
def test_a_page_has_fields_credentials_errors_and_limits(contract: Contract) -> None:
    page = read(contract)
    assert [name for name in contract.input_keys if f"| `{name}` |" not in page] == []
    assert [name for name in contract.output_schema.get("properties", {}) if f"| `{name}` |" not in page] == []
    for needed in contract.credentials_required:
        assert f"| `{needed.key}` | `{needed.inject_as}` |" in page
        assert f"<{needed.help_url}>" in page
    assert ("## Errors" in page, "`INVALID_INPUT`" in page, "## Limits" in page) == (True, True, True)


@pytest.mark.parametrize("contract", CASES)
def test_the_step_of_a_page_is_the_contract_s_example(contract: Contract) -> None:
    block = re.search(r"```yaml\n(.*?)```", read(contract), re.DOTALL)
    assert block is not None
    step = {"component": contract.canonical_id, **contract.config_example}
    assert parse_yaml(block[1]).value == {contract.canonical_id: step}


@pytest.mark.parametrize("contract", CASES)
def test_every_code_that_a_scenario_fails_with_is_explained(contract: Contract) -> None:
    page, errors = read(contract), (PAGES / "errors.md").read_text(encoding="utf-8")
    codes = {
        scenario.then["error"]["code"]
        for scenario in contract.scenarios
        if isinstance(scenario.then, dict) and scenario.then.get("success") is False
    }
    assert [code for code in codes if f"`{code}`" not in page and f"`{code}`" not in errors] == []


def test_every_code_of_the_sources_is_on_its_page() -> None:
    from component_pages import find_codes

    assert {"RESULT_TOO_LARGE", "NOT_TEXT"} <= set(find_codes(BUILTINS["string_ops"]))
    missing = [
        (name, code)
        for name, contract in BUILTINS.items()
        for code in find_codes(contract)
        if f"| `{code}` |" not in read(contract)
    ]
    assert missing == []


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in sorted(PAGES.glob("*.md"))])
def test_no_cell_is_too_long_to_read(path: Path) -> None:
    rows = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [cell for row in rows for cell in re.split(r"(?<!\\)\|", row)]
    assert [cell for cell in cells if len(cell) > LONGEST_CELL] == []


def test_many_choices_stand_below_the_table() -> None:
    from component_pages import _render_fields

    zones = [f"Zone/{i}" for i in range(140)]
    lines = list(_render_fields("Input", {"properties": {"zone": {"enum": zones, "description": "The zone."}}}))
    [row] = [line for line in lines if line.startswith("| `zone`")]
    assert row == '| `zone` | `"Zone/0"`, `"Zone/1"`, `"Zone/2"` … (140 in all) |  | The zone. |'
    assert any(line.startswith("It is one of") and "Zone/139" in line for line in lines)
