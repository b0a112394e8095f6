"""`acr parts list` on a terminal: by groups, a line a component, whatever its width; into a pipe it is a table."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import RunAcr
from rich.cells import cell_len

from acr.config.platform_home import find_platform_home
from acr.parts.grouped_list import render_groups
from acr.parts.own_components import OwnComponent, builtin_ids
from acr.parts.part import Part, build_part
from arcrun.contracts.groups import GROUPS, OTHERS, find_group, group_by
from arcrun.contracts.parse import CATEGORIES, parse_contract
from fakes.builtins import BUILTINS
from fakes.terminal import COLUMNS, Terminal
from fixtures.modules import build_contract
from workerd.local_platform import ACR

QUIET = "Built-in components only: there is no platform yet. Start one here: acr dev"


def part(component_id: str, source: str = "built-in", **contract: Any) -> Part:
    return build_part(OwnComponent(component_id, source, parse_contract(build_contract(component_id, **contract))))


@pytest.mark.parametrize(
    ("category", "tags", "group"),
    [
        ("api", ["wait"], "Wait and ask"),
        ("api", ["chat"], "Call a service"),
        ("data", ["state"], "Keep state"),
        ("logic", ["wait", "code"], "Write code"),
        ("logic", [], "Decide and loop"),
        ("ai", [], "Use AI"),
        ("anim", [], OTHERS),
        ("of a later version", [], OTHERS),
    ],
)
def test_a_contract_says_the_group(category: str, tags: list[str], group: str) -> None:
    assert find_group(category, tags) == group


def test_every_group_is_listed_and_has_its_place() -> None:
    assert {find_group(category, ()) for category in CATEGORIES} <= set(GROUPS)
    assert {find_group(contract.category, contract.tags) for contract in BUILTINS.values()} == {*GROUPS} - {OTHERS}
    assert [*group_by([(OTHERS, 1), ("Use AI", 2), (OTHERS, 3)]).items()] == [("Use AI", [2]), (OTHERS, [1, 3])]


def shown(parts: list[Part], width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("acr.output.render.PLAIN_WIDTH", width)
    render_groups(parts)
    return capsys.readouterr().out


def test_a_description_is_cut_at_the_width_at_a_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [
        part("long", description="Counts all the words of a text that is long enough.", category="data"),
        part("wide", description="漢字を数える漢字を数える 漢字を数える.", category="data"),
        part("mine", "bucket", description="Evil\x1b[31m.", category="anim"),
    ]
    assert shown(parts, 43, capsys, monkeypatch).splitlines() == [
        "Transform data",
        "  long           Counts all the words of …",
        "  wide           漢字を数える漢字を数える …",
        "",
        "Others",
        "  mine (bucket)  Evil\\u001b[31m.",
        "",
    ]
    whole = shown(parts, 200, capsys, monkeypatch)
    assert ("long enough." in whole, "…" in whole) == (True, False)


def environment(folder: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ARCRUN_", "CLOUDFLARE_"))}
    return {**kept, "ACR_CONFIG_DIR": str(folder / "config"), "NO_COLOR": "1"}


@pytest.mark.workerd
def test_a_newcomer_s_terminal_has_a_line_for_each_and_a_quiet_one(tmp_path: Path) -> None:
    with Terminal([str(ACR), "parts", "list"], environment(tmp_path), tmp_path) as terminal:
        assert terminal.end() == 0
        lines = terminal.shown.splitlines()
    ids = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(ids) == builtin_ids(find_platform_home())
    assert [line for line in lines if line in GROUPS] == [group for group in GROUPS if group != OTHERS]
    assert max(map(cell_len, lines)) <= COLUMNS
    assert "Warning" not in terminal.shown
    assert lines[-1] == QUIET


def test_into_a_pipe_it_is_a_table(run_acr: RunAcr) -> None:
    said = run_acr("parts", "list", "--search", "chat")
    starts = [line.split()[0] for line in said.stdout.splitlines() if not line.startswith(" ")]
    assert starts == ["id", "line_notify", "telegram"]
    assert said.stderr.splitlines() == [QUIET]


def test_what_is_not_found_says_where_to_look(run_acr: RunAcr) -> None:
    assert run_acr("parts", "list", "--search", "zebra").stderr.splitlines()[0].startswith("No component is found.")
    assert "acr parts list --search feed" in run_acr("parts", "list", "feed").stderr
    assert "Did you mean `telegram`?" in run_acr("parts", "list", "telegran").stderr
    assert run_acr("parts", "list", "telegram").stderr == ""
