"""Proves what `acr upgrade` writes: fields once filled in automatically, and values that are read differently now."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from acr.commands.upgrade import upgrade
from acr.workflows.upgrade import upgrade_text
from arcrun.workflows.compile import compile_workflow
from arcrun.workflows.diagnostics import Severity
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from fakes.builtins import BUILTINS

BLOCK = """name: shop   # the shop
flow:
  - "input >> ON_SUCCESS >> grab"
  - "grab >> ON_SUCCESS >> post"
config:
  grab: {component: http_request}   # one line
  post:
    # a comment
    component: http_request
    method: PUT
"""
NODES = "name: w\nnodes:\n  - {{id: a, component: wait, config: {}}}\nedges: [{{from: input, to: a}}]\n"
BLOCK_NOW = """name: shop   # the shop
flow:
  - "input >> ON_SUCCESS >> grab"
  - "grab >> ON_SUCCESS >> post"
config:
  grab: {component: http_request, url: "{{input.url}}"}   # one line
  post:
    # a comment
    url: "{{input.url}}"
    headers: "{{grab.data.headers?}}"
    body: "{{grab.data.body?}}"
    component: http_request
    method: PUT
"""


def flow(*lines: str, config: str = "") -> str:
    return "name: w\nflow:\n" + "".join(f"  - {line}\n" for line in lines) + (f"config:\n{config}" if config else "")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(BLOCK, BLOCK_NOW, id="blocks and flow mappings keep their layout"),
        pytest.param(
            flow("input >> PIPE >> filter"),
            flow("input >> PIPE >> filter")
            + '\nconfig:\n  filter: {items: "{{input.items}}", condition: "{{input.condition}}"}\n',
            id="a node without an entry, and no config",
        ),
        pytest.param(
            flow("input >> PIPE >> wait", "wait >> PIPE >> a", config="  a: {component: wait, ms: 5}\n"),
            flow(
                "input >> PIPE >> wait",
                "wait >> PIPE >> a",
                config='  wait: {ms: "{{input.ms}}"}\n  a: {component: wait, ms: 5}\n',
            ),
            id="a node without an entry, beside others",
        ),
        pytest.param(
            flow("input >> FOREACH ms IN input.all >> wait", config="  wait: {}\n"),
            flow("input >> FOREACH ms IN input.all >> wait", config='  wait: {ms: "{{ms}}"}\n'),
            id="the item of that name",
        ),
        pytest.param(
            flow("input >> FOREACH x IN input.all >> wait", config="  wait: {}\n"),
            flow("input >> FOREACH x IN input.all >> wait", config='  wait: {ms: "{{x.ms}}"}\n'),
            id="a field of the element",
        ),
        pytest.param(
            flow(
                "input >> PIPE >> f",
                "f >> PIPE >> g",
                config="  f: {component: filter, items: [], condition: {}}\n  g: {component: foreach_control}\n",
            ),
            flow(
                "input >> PIPE >> f",
                "f >> PIPE >> g",
                config="  f: {component: filter, items: [], condition: {}}\n"
                '  g: {component: foreach_control, items: "{{f.data.items}}"}\n',
            ),
            id="what the step before answers",
        ),
        pytest.param(
            flow(
                "input >> PIPE >> wait", "wait >> ON_FAIL >> t", config="  wait: {ms: 1}\n  t: {component: try_catch}\n"
            ),
            flow(
                "input >> PIPE >> wait",
                "wait >> ON_FAIL >> t",
                config='  wait: {ms: 1}\n  t: {component: try_catch, error: "{{wait.error?}}"}\n',
            ),
            id="the error of a failure",
        ),
        pytest.param(
            flow("input >> PIPE >> wait", config="  wait: {take: input}\n"),
            flow("input >> PIPE >> wait", config="  wait: {take: input}\n"),
            id="one that takes",
        ),
        pytest.param(
            NODES.format("{}"),
            NODES.format('{ms: "{{input.ms}}"}'),
            id="nodes and edges",
        ),
        pytest.param(
            flow(
                "input >> PIPE >> s",
                config="  s:\n    component: set\n    values:\n      at: 12:30\n      n0: NO # kept\n      n: 7\n",
            ),
            flow(
                "input >> PIPE >> s",
                config="  s:\n    component: set\n    values:\n"
                '      at: 12:30  # acr upgrade: 12:30 is the string "12:30" now, it was 750\n'
                '      n0: NO # kept  # acr upgrade: NO is the string "NO" now, it was false\n      n: 7\n',
            ),
            id="spellings",
        ),
        pytest.param(
            flow(
                "input >> PIPE >> s", config="  s: {component: set, values: {a: no, b: 'first\n      second', c: x}}\n"
            ),
            flow(
                "input >> PIPE >> s",
                config='  # acr upgrade: no is the string "no" now, it was false\n'
                "  s: {component: set, values: {a: no, b: 'first\n      second', c: x}}\n",
            ),
            id="a spelling on a line where a text goes on",
        ),
        pytest.param(
            flow("input >> PIPE >> s", config="  s:\n    component: set\n    values: {on: 1}\n"),
            flow(
                "input >> PIPE >> s",
                config="  s:\n    component: set\n    values: {on: 1}"
                '  # acr upgrade: the key on is "on" now, it was "True"\n',
            ),
            id="a key",
        ),
        pytest.param(
            flow(
                "input >> PIPE >> s", config="  s:\n    component: set\n    values:\n      v: |\n        {{input.x}}\n"
            ),
            flow(
                "input >> PIPE >> s",
                config="  s:\n    component: set\n    values:\n"
                "      # acr upgrade: the block is the value of its reference now, it was a string\n"
                "      v: |\n        {{input.x}}\n",
            ),
            id="a block with one reference",
        ),
        pytest.param(
            flow("input >> PIPE >> wait", config="  wait: {timeout_ms: 5, }\n"),
            flow("input >> PIPE >> wait", config='  wait: {timeout_ms: 5, ms: "{{input.ms}}"}\n'),
            id="a comma at the end",
        ),
        pytest.param(
            "name: w\nflow: [input >> PIPE >> wait]\nconfig:\n",
            'name: w\nflow: [input >> PIPE >> wait]\nconfig:\n  wait: {ms: "{{input.ms}}"}\n',
            id="an empty config",
        ),
        pytest.param(
            "name: w\nflow: [input >> PIPE >> wait]\nconfig:\n  wait:\n",
            'name: w\nflow: [input >> PIPE >> wait]\nconfig:\n  wait: {ms: "{{input.ms}}"}\n',
            id="an empty entry",
        ),
        pytest.param(
            NODES.format("").replace("config: ", "config:"),
            NODES.format('{ms: "{{input.ms}}"}'),
            id="nodes with an empty config",
        ),
        pytest.param(
            flow(
                "input >> PIPE >> a",
                "a >> FOREACH x >> wait",
                config="  a: {component: array_ops, operation: reverse, input: []}\n  wait: {ms: 1}\n",
            ),
            flow(
                "input >> PIPE >> a",
                "a >> FOREACH x IN a.data.result >> wait",
                config="  a: {component: array_ops, operation: reverse, input: []}\n  wait: {ms: 1}\n",
            ),
            id="a loop without a list",
        ),
    ],
)
def test_what_is_written(before: str, after: str) -> None:
    upgraded = upgrade_text(before, BUILTINS)
    assert upgraded.text == after
    assert upgrade_text(after, BUILTINS).text == after  # a second time changes nothing


@pytest.mark.parametrize("source", [BLOCK, flow("input >> PIPE >> filter"), flow("input >> PIPE >> telegram")])
def test_no_field_is_missing_afterwards(source: str) -> None:
    text = upgrade_text(source, BUILTINS).text
    found = compile_workflow(parse_workflow(text), SymbolTable(BUILTINS)).diagnostics
    assert [d for d in found if d.severity is Severity.ERROR] == []


@pytest.mark.parametrize(
    ("spelling", "after", "before"),
    [
        ("12:30", 'the string "12:30"', "750"),
        ("NO", 'the string "NO"', "false"),
        ("on", 'the string "on"', "true"),
        ("0123", 'the string "0123"', "83"),
        ("1_2", 'the string "1_2"', "12"),
        ("0x1F", 'the string "0x1F"', "31"),
        ("1e3", "1000.0", 'the string "1e3"'),
    ],
)
def test_a_value_that_is_read_differently(spelling: str, after: str, before: str) -> None:
    source = flow("input >> PIPE >> s", config=f"  s: {{component: set, values: {{v: {spelling}}}}}\n")
    [found] = upgrade_text(source, BUILTINS).respelt
    assert (found.spelling, found.after, found.before, found.line) == (spelling, after, before, 5)


@pytest.mark.parametrize(
    "spelling", ["7", "1.5", "true", "null", "~", "text", "2026-11-26", '"12:30"', "'NO'", "|\n        NO"]
)
def test_a_value_that_is_read_the_same(spelling: str) -> None:
    source = flow("input >> PIPE >> s", config=f"  s:\n    component: set\n    values:\n      v: {spelling}\n")
    assert upgrade_text(source, BUILTINS).respelt == ()


def test_fields_that_only_the_trigger_could_set_are_listed_but_not_written() -> None:
    upgraded = upgrade_text(flow("input >> PIPE >> filter", "filter >> PIPE >> wait"), BUILTINS)
    assert upgraded.from_trigger == {}
    written = flow("input >> PIPE >> c", config="  c: {component: cron, cron_expr: '@daily'}\n")
    assert upgrade_text(written, BUILTINS).from_trigger == {}  # nothing was left to the trigger
    upgraded = upgrade_text(flow("input >> PIPE >> cron"), BUILTINS)
    assert upgraded.from_trigger == {"cron": ("timezone", "from", "count")}
    assert "timezone" not in upgraded.text


def test_the_command_writes_the_file_unless_it_is_a_dry_run(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(BLOCK)
    dry = CliRunner().invoke(upgrade, [str(file), "--dry-run"])
    assert (dry.exit_code, file.read_text()) == (0, BLOCK)
    assert f'{file}: would be added to grab: url: "{{{{input.url}}}}"' in dry.stdout
    done = CliRunner().invoke(upgrade, [str(file)])
    assert (done.exit_code, file.read_text()) == (0, BLOCK_NOW)
    assert "grab: the trigger could set method, headers" in done.stderr
