"""A workflow's graph, as text and for Mermaid."""

import json

import pytest
from cli.conftest import RunAcr

from acr.output.graph import draw_graph

PARTY = """name: party
flow:
  - "input >> FOREACH guest IN input.guests >> greet"
  - "greet >> FOREACH gift IN guest.gifts >> wrap"
  - "greet >> ON_FAIL >> sorry"
  - "input >> CONTINUE >> all"
  - "input >> CALLS_SUBFLOW >> inform"
  - "all >> IF(all.data.n > `1`) >> output"
  - "all >> ON_FAIL >> stop"
config:
  greet: {component: set, values: {a: "{{guest}}"}}
  input: {foreach: {until: greet.data.x, tolerate: "10%", batch: 5, concurrency: 4}}
  wrap: {component: set, values: {x: "{{previous?}}"}, repeat: {until: previous.x, max: 3}}
  sorry: {component: set, values: {}}
  all: {component: set, values: {n: 1}}
"""
TEXT = """party
  input
    FOREACH guest IN input.guests, until greet.data.x, tolerate 10%, batch 5, concurrency 4 -> greet
    CONTINUE -> all
    CALLS_SUBFLOW -> inform
    greet  (set)
      FOREACH gift IN guest.gifts -> wrap
      ON_FAIL -> sorry
      wrap  (set, repeat until previous.x, max 3)
    sorry  (set)
  all  (set)
    IF(all.data.n > `1`) -> output
    ON_FAIL -> stop
  inform  (workflow inform)"""
MERMAID = """flowchart TD
  n0(["input"])
  n4["all: set"]
  n5[["inform: workflow inform"]]
  n6(["output"])
  n7(["stop"])
  subgraph loop0["for each guest, until greet.data.x, tolerate 10%, batch 5, concurrency 4"]
    n1["greet: set"]
    n3["sorry: set"]
    subgraph loop0_0["for each gift"]
      n2["wrap: set, repeat until previous.x, max 3"]
    end
  end
  n0 -- "FOREACH guest IN input.guests" --> n1
  n1 -- "FOREACH gift IN guest.gifts" --> n2
  n1 -- "ON_FAIL" --> n3
  n0 -- "CONTINUE" --> n4
  n0 -- "CALLS_SUBFLOW" --> n5
  n4 -- "IF(all.data.n #gt; #96;1#96;)" --> n6
  n4 -- "ON_FAIL" --> n7"""


@pytest.mark.parametrize(("form", "drawn"), [("text", TEXT), ("mermaid", MERMAID)])
def test_a_graph(form: str, drawn: str) -> None:
    assert draw_graph(PARTY, form) == drawn


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        pytest.param({"join": "all"}, "set, join all", id="all"),
        pytest.param({"join": "first", "cancel_rest": True}, "set, join first, cancel_rest", id="first"),
        pytest.param({"join": {"at_least": 2}}, "set, join at_least 2", id="a number"),
        pytest.param({"undo": {"component": "http_request"}}, "set, undo http_request", id="an undo"),
        pytest.param({"undo": {"workflow": "refund"}}, "set, undo workflow refund", id="an undo by a workflow"),
        pytest.param({"join": 5, "repeat": "x", "undo": []}, "set", id="what cannot be read"),
        pytest.param(
            {"repeat": {"until": "a" * 90, "max": 2}}, f"set, repeat until {'a' * 59}…, max 2", id="a long expression"
        ),
    ],
)
def test_what_is_set_for_a_step(entry: dict[str, object], told: str) -> None:
    config = {"b": {"component": "set", **entry}}
    text = json.dumps({"name": "g", "flow": ["input >> PIPE >> b"], "config": config})
    assert f"  b  ({told})" in str(draw_graph(text, "text"))
    assert f'n1["b: {told}"]' in str(draw_graph(text, "mermaid"))


@pytest.mark.parametrize("text", ["name: [", "name: x\nflow: [a b c]\n", ""])
def test_what_cannot_be_read_has_no_graph(text: str) -> None:
    assert draw_graph(text, "text") is None


def test_a_circle_is_drawn_too() -> None:
    circle = "name: c\nflow: [a >> PIPE >> b, b >> PIPE >> a]\n"
    assert draw_graph(circle, "mermaid") is not None
    assert "-> a" in str(draw_graph(circle, "text"))


def test_a_label_cannot_leave_its_quotes() -> None:
    drawn = draw_graph(
        "name: q\nflow: ['input >> ON_BRANCH(a\"] --> x) >> b']\nconfig: {b: {component: set}}\n", "mermaid"
    )
    assert drawn is not None
    assert '"ON_BRANCH(a#quot;] --#gt; x)"' in drawn


def test_validate_prints_it(run_acr: RunAcr, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("drawn") / "party.yaml"
    file.write_text(PARTY)
    said = run_acr("validate", "--offline", str(file), "--graph")
    assert (said.code, said.stdout) == (0, f"{TEXT}\n")
    assert run_acr("validate", "--offline", str(file), "--graph", "mermaid").stdout == f"{MERMAID}\n"
    assert run_acr("validate", "--offline", str(file)).stdout == ""
