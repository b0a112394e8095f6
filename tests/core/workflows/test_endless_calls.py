"""Proves that a workflow is warned of if it calls itself in every run, and only then."""

import pytest

from arcrun.workflows.compile import compile_workflow
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from fakes.flows import ANYTHING

SYMBOLS = SymbolTable({"any": ANYTHING}, workflows=["me", "other"])
CONFIG = {"any": {}, "b": {"component": "any"}, "me": {"workflow": "me", "input": 1}, "other": {"input": 1}}


@pytest.mark.parametrize(
    ("flow", "is_endless"),
    [
        pytest.param("input >> SUBFLOW >> me", True, id="at once"),
        pytest.param("input >> PIPE >> any, any >> PIPE >> b, b >> SUBFLOW >> me", True, id="after others"),
        pytest.param(
            "input >> FOREACH x IN input.list >> any, input >> CONTINUE >> b, b >> SUBFLOW >> me",
            True,
            id="after a loop",
        ),
        pytest.param("input >> IF(input.x) >> any, input >> SUBFLOW >> me, any >> PIPE >> me", True, id="two ways"),
        pytest.param("input >> IF(input.x) >> any, any >> SUBFLOW >> me", False, id="on a condition"),
        pytest.param("input >> PIPE >> any, any >> ON_TRUE >> b, b >> SUBFLOW >> me", False, id="after a condition"),
        pytest.param("input >> FOREACH x IN input.list >> any, any >> SUBFLOW >> me", False, id="in a loop's body"),
        pytest.param("input >> PIPE >> any, any >> SUBFLOW >> me, any >> ON_FAIL >> b", False, id="until a step fails"),
        pytest.param("input >> PIPE >> any, any >> ON_FAIL >> b, b >> SUBFLOW >> me", False, id="on failure"),
        pytest.param("input >> SUBFLOW >> me, me >> ON_FAIL >> b", False, id="whose failure is handled"),
        pytest.param("input >> SUBFLOW >> other", False, id="of another"),
    ],
)
def test_a_call_of_itself(flow: str, is_endless: bool) -> None:
    nodes = {name: node for name, node in CONFIG.items() if f">> {name}" in flow}
    source = {"name": "me", "flow": flow.split(", "), "config": nodes}
    compilation = compile_workflow(parse_workflow(source), SYMBOLS)
    assert compilation.plan is not None, compilation.diagnostics
    assert ("ENDLESS_CALL" in [finding.code for finding in compilation.diagnostics]) is is_endless
