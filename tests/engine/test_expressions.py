"""Findings about expressions that are valid JMESPath, but do not mean what they look like."""

import pytest

from arcrun.templates.expressions import compile_expression
from fakes.engine import EngineBench, data, echo, statuses

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("!a.data.ok", True, id="a path"),
        pytest.param("!a.data.ok && input.go", True, id="within and"),
        pytest.param("input.go || !a.data.ok", True, id="at the end"),
        pytest.param("a.data.items[?!tag.old]", True, id="within a filter"),
        pytest.param("!a.data.items[0]", True, id="a path with an index"),
        pytest.param("!a[?b]", True, id="a filter"),
        pytest.param("!(a.data.ok)", False, id="in parentheses"),
        pytest.param("!a", False, id="a name"),
        pytest.param("!length(a.data.items)", False, id="a function"),
        pytest.param("!(a.data.ok) && a.data.go", False, id="in parentheses, then a path"),
        pytest.param("!a && !b | c", False, id="a pipe"),
        pytest.param("a.data.items[?!old] | [0]", False, id="a name within a filter"),
    ],
)
def test_a_negation_that_is_lost(source: str, expected: bool) -> None:
    """`!a.b` reads b of a boolean, so it is always null."""
    if expected:
        with pytest.raises(ValueError, match="write !"):
            compile_expression(source)
    else:
        compile_expression(source)


@pytest.mark.parametrize(("ok", "status"), [(False, "success"), (True, "skipped")])
async def test_a_negated_path_in_parentheses(ok: bool, status: str) -> None:
    bench = EngineBench({"a": data({"ok": ok}), "b": echo})
    record = await bench.run(["input >> PIPE >> a", "a >> IF(!(a.data.ok)) >> b"])
    assert statuses(record) == {"a": "success", "b": status}
