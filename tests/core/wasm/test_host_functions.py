"""Descriptions of host functions in other languages and in documentation match their records."""

import re
from pathlib import Path

import pytest

from arcrun.contracts.parse import CAPABILITIES
from arcrun.wasm.host import PortHostFunctions
from arcrun.wasm.host_functions import HOST_FUNCTIONS, HOST_MODULE, HostFunction

ROOT = Path(__file__).resolve().parents[3]
TOLD = {name: lent for name, lent in HOST_FUNCTIONS.items() if name != "read_reply"}
LISTS = ["docs/contract.md", "cli/acr/parts/templates/common/README.md"]


def read_rows(path: str) -> dict[str, str]:
    """The functions in the page's table, each with its other cells."""
    table = (ROOT / path).read_text(encoding="utf-8").partition("| function |")[2].partition("\n\n")[0]
    return {row.split("`")[1]: row.partition("|")[2] for row in table.splitlines() if row.startswith("| `")}


def test_the_sdk_declares_each_with_its_parameters() -> None:
    source = (ROOT / "components/_sdk/zig/host.zig").read_text(encoding="utf-8")
    wasm_type = {"u8": "i32", "usize": "i32"}
    declared = {
        name: " ".join(wasm_type[kind] for kind in re.findall(r": (?:\[\*\](?:const )?)?(\w+)", parameters))
        for name, parameters in re.findall(rf'extern "{HOST_MODULE}" fn (\w+)\((.*?)\) i32;', source)
    }
    assert declared == {name: lent.parameters for name, lent in HOST_FUNCTIONS.items()}


@pytest.mark.parametrize("path", LISTS)
def test_a_page_has_each_with_what_it_needs(path: str) -> None:
    rows = read_rows(path)
    assert rows.keys() == TOLD.keys()
    assert {name: said_need(rows[name]) for name in rows} == {name: lent.capability for name, lent in TOLD.items()}


def said_need(row: str) -> str | None:
    if "no_network_syscall: false" in row:
        return "network"
    found = re.search(r"capability `(\w+)`|capabilities: \[(\w+)\]", row)
    return found and (found[1] or found[2])


def test_the_reference_has_what_goes_in_and_what_comes_out() -> None:
    rows = read_rows("docs/contract.md")
    asked = {name: lent for name, lent in TOLD.items() if lent.asks}
    assert [name for name, lent in asked.items() if not says_shapes(rows[name], lent)] == []


def says_shapes(row: str, lent: HostFunction) -> bool:
    return all(set(re.findall(r"\w+", shape)) <= set(re.findall(r"\w+", row)) for shape in (lent.request, lent.value))


def test_each_capability_can_be_declared_and_gives_something() -> None:
    needed = {lent.capability for lent in HOST_FUNCTIONS.values()} - {None}
    assert {"network", *CAPABILITIES} == needed


def test_the_platform_answers_each_that_asks() -> None:
    answered = {name for name in HOST_FUNCTIONS if hasattr(PortHostFunctions, f"_{name}")}
    assert answered == {name for name, lent in HOST_FUNCTIONS.items() if lent.asks}
