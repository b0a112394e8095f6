"""A workflow's graph, as text and for Mermaid."""

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
  wrap: {component: set, values: {x: "{{previous?}}"}, repeat: {until: previous.x, max: 3}}
  sorry: {component: set, values: {}}
  all: {component: set, values: {n: 1}}
"""
TEXT = """party
  input
    FOREACH guest IN input.guests -> greet
    CONTINUE -> all
    CALLS_SUBFLOW -> inform
    greet  (set)
      FOREACH gift IN guest.gifts -> wrap
      ON_FAIL -> sorry
      wrap  (set, repeat)
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
  subgraph loop0["for each guest"]
    n1["greet: set"]
    n3["sorry: set"]
    subgraph loop0_0["for each gift"]
      n2["wrap: set, repeat"]
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
