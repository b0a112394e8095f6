"""Which edges are reported as never firing, and which conditions as never true, by contracts and literals.

The contracts are those of the built-in components.
"""

from typing import Any

import pytest

from fakes.builtins import BUILTINS
from fakes.flows import diagnose, flow_of

SWITCH = {
    "component": "switch",
    "value": "{{input.status}}",
    "cases": [{"match": "a", "branch": "paid"}, {"match": "b", "branch": "open"}],
    "default_branch": "rest",
}
UPPER = {"component": "string_ops", "operation": "upper", "input": "x"}
ADD = {"component": "number_ops", "operation": "add", "input": 1, "value": 2}
GRAB = {"component": "http_request", "url": "https://e.test"}
HOLDS = {"component": "if_control", "condition": True}
TRY = {"component": "try_catch", "result": 1}


def findings(relation: str, node: dict[str, Any]) -> list[tuple[str, str, str]]:
    source = flow_of("input >> PIPE >> a", f"a >> {relation} >> b", config={"a": node, "b": {"component": "any"}})
    return [(d.code, d.message, d.hint) for d in diagnose(source, BUILTINS)]


@pytest.mark.parametrize(
    ("relation", "node"),
    [
        pytest.param("ON_BRANCH(paid)", SWITCH, id="a case's branch"),
        pytest.param("ON_BRANCH(rest)", SWITCH, id="the default branch"),
        pytest.param("ON_BRANCH(x)", {**SWITCH, "default_branch": "{{input.x}}"}, id="a branch that data decides"),
        pytest.param("ON_BRANCH(x)", {**SWITCH, "cases": "{{input.cases}}"}, id="cases that data decides"),
        pytest.param("ON_BRANCH(x)", {"component": "switch", "take": "input"}, id="cases that are taken"),
        pytest.param("ON_BRANCH(true)", HOLDS, id="a branch of an enum"),
        pytest.param("ON_TRUE", HOLDS, id="true"),
        pytest.param("ON_TRUE", UPPER, id="a result that may be true"),
        pytest.param("IF(a.data.status == `200`)", GRAB, id="a field that is there"),
        pytest.param("IF(a.data.body.deep.down)", GRAB, id="deep in a field"),
        pytest.param("IF(length(a.data.headers) > `0`)", GRAB, id="a function of a field"),
        pytest.param("IF(`true`)", GRAB, id="always"),
        pytest.param("ON_BRANCH(x)", {"component": "any"}, id="a component that may answer anything"),
    ],
)
def test_an_edge_that_may_fire(relation: str, node: dict[str, Any]) -> None:
    assert findings(relation, node) == []


@pytest.mark.parametrize(
    ("relation", "node", "message", "hint"),
    [
        pytest.param("ON_BRANCH(Paid)", SWITCH, "`a` has no branch `Paid`", "Did you mean `paid`?", id="capitals"),
        pytest.param("ON_BRANCH(payd)", SWITCH, "`a` has no branch `payd`", "Did you mean `paid`?", id="misspelt"),
        pytest.param(
            "ON_BRANCH(zzz)", SWITCH, "`a` has no branch `zzz`", "Its branches: paid, open, rest.", id="not there"
        ),
        pytest.param("ON_BRANCH(yes)", HOLDS, "`a` has no branch `yes`", "Its branches: true, false.", id="enum"),
        pytest.param(
            "ON_BRANCH(x)",
            GRAB,
            "ON_BRANCH needs a string `branch`, but `http_request` answers status, headers, body, "
            "items, pages, truncated",
            "Put switch between them, or write IF(a.data.FIELD == 'x').",
            id="a component without branches",
        ),
        pytest.param(
            "ON_TRUE",
            GRAB,
            "ON_TRUE needs a `result` that is true or false, but `http_request` answers status, headers, body, "
            "items, pages, truncated",
            "Write a >> IF(a.data.truncated) >> b; or put if_control between them.",
            id="a component without a result",
        ),
        pytest.param(
            "ON_FALSE",
            ADD,
            "ON_FALSE needs a `result` that is true or false, but `result` of `number_ops` is number or string",
            "Write a >> IF(a.data.FIELD == 'x') >> b; or put if_control between them.",
            id="a result that is a number",
        ),
        pytest.param(
            "ON_FALSE",
            {"component": "validate_json", "json_string": "{{input.text}}"},
            "ON_FALSE needs a `result` that is true or false, but `validate_json` answers valid, errors",
            "Write a >> IF(!(a.data.valid)) >> b; or put if_control between them.",
            id="a component with another boolean",
        ),
        pytest.param(
            "ON_TRUE",
            SWITCH,
            "ON_TRUE needs a `result` that is true or false, but `switch` answers branch",
            "Write a >> IF(a.data.FIELD == 'x') >> b; or put if_control between them.",
            id="a component with branches alone",
        ),
        pytest.param(
            "IF('a' == 'x')",
            GRAB,
            "IF('a' == 'x') reads nothing and is never true",
            "Refer to what ran: IF(a.data.status == 'x').",
            id="two literals",
        ),
    ],
)
def test_an_edge_that_can_never_fire(relation: str, node: dict[str, Any], message: str, hint: str) -> None:
    assert findings(relation, node) == [("EDGE_NEVER_FIRES", message, hint)]


@pytest.mark.parametrize(
    ("relation", "node", "says"),
    [
        pytest.param("IF(a.data.status == '200')", GRAB, 'integer, which never equals the string "200"', id="a number"),
        pytest.param(
            "IF('200' == a.data.status)", GRAB, 'integer, which never equals the string "200"', id="turned round"
        ),
        pytest.param(
            "IF(a.data.result == 'true')", HOLDS, 'boolean, which never equals the string "true"', id="a boolean"
        ),
        pytest.param(
            "IF(a.data.branch == 'True')",
            HOLDS,
            'one of true, false, which never equals the string "True"',
            id="an enum",
        ),
    ],
)
def test_a_literal_that_a_field_never_equals(relation: str, node: dict[str, Any], says: str) -> None:
    [(code, message, hint)] = findings(relation, node)
    assert (code, says in message) == ("EDGE_NEVER_FIRES", True)
    assert hint == "Put numbers, true, false and null in backticks, strings in single quotes."


@pytest.mark.parametrize(
    ("relation", "name", "hint"),
    [
        pytest.param("IF(a.data.body == null)", "null", "Write it in backticks: `null`.", id="null"),
        pytest.param("IF(a.data.body == None)", "None", "Write it in backticks: `null`.", id="Python's null"),
        pytest.param("IF(a.data.body == true)", "true", "Write it in backticks: `true`.", id="true"),
        pytest.param(
            'IF(a.data.body == "x")', "x", "Did you mean `input.x`? Put strings in single quotes: 'x'.", id="quotes"
        ),
    ],
)
def test_a_literal_that_is_read_as_a_name(relation: str, name: str, hint: str) -> None:
    [(code, message, found)] = findings(relation, GRAB)
    assert (code, message.startswith(f"`{name}` "), found) == ("UNRESOLVED_REFERENCE", True, hint)


@pytest.mark.parametrize(
    ("relation", "code", "message"),
    [
        pytest.param(
            "FOREACH x IN a", "INVALID_LOOP", "FOREACH needs a list, but a is object", id="a loop over all of a node"
        ),
        pytest.param(
            "FOREACH x IN a.data.status",
            "INVALID_LOOP",
            "FOREACH needs a list, but a.data.status is integer",
            id="a number",
        ),
        pytest.param("FOREACH x IN _today", "INVALID_LOOP", "FOREACH needs a list, but _today is string", id="a clock"),
        pytest.param(
            "FOREACH x IN credential.k",
            "INVALID_LOOP",
            "FOREACH needs a list, but credential.k is string",
            id="a secret",
        ),
        pytest.param(
            "IF('{{a.data.status}}' == 'x')",
            "INVALID_EXPRESSION",
            "IF('{{a.data.status}}' == 'x') cannot be read: an expression cannot contain templates: write a.data.b for "
            "'{{a.data.b}}'",
            id="a template in an expression",
        ),
        pytest.param(
            "IF(a.status == `200`)",
            "UNRESOLVED_REFERENCE",
            "`a.status` does not exist: a node has data, error, success",
            id="a field of the envelope",
        ),
        pytest.param(
            "IF(a.data.state == 'x')",
            "UNRESOLVED_REFERENCE",
            "{{a.data.state}}: `http_request` does not declare the output `state`",
            id="a field that the contract lacks",
        ),
    ],
)
def test_an_expression_that_can_never_hold(relation: str, code: str, message: str) -> None:
    assert [(found[0], found[1]) for found in findings(relation, GRAB)] == [(code, message)]


@pytest.mark.parametrize(
    "relation", ["IF(größe.data.status == `1`)", "IF(order-id.data.status == `1`)", "IF(名字.data.body == 'order-id')"]
)
def test_names_in_an_expression_need_no_quotes(relation: str) -> None:
    name = relation[3:].partition(".")[0]
    source = flow_of(f"input >> PIPE >> {name}", f"{name} >> {relation} >> b", config={name: GRAB, "b": HOLDS})
    assert diagnose(source, BUILTINS) == []


def condition(text: Any, **config: Any) -> list[tuple[str, str, str]]:
    given = {"component": "if_control", "condition": text, **config}
    source = flow_of("input >> PIPE >> g", "g >> PIPE >> c", config={"g": GRAB, "c": given})
    return [(d.code, d.message, d.hint) for d in diagnose(source, BUILTINS)]


ANY_INPUT = {"input": "{{input}}"}


@pytest.mark.parametrize(
    ("text", "config"),
    [
        pytest.param("status == 'paid' and not (n > 1 or m <= 2)", ANY_INPUT, id="all that the language has"),
        pytest.param("status == 'True = x && y'", ANY_INPUT, id="signs in a text"),
        pytest.param('a[0].b["c d"].e == -1.5e3', ANY_INPUT, id="a path"),
        pytest.param("given == kept", {"input": {"given": "{{input.x}}", "kept": 1}}, id="fields that are given"),
        pytest.param("input.given == 1", {"input": {"given": 1}}, id="the whole input"),
        pytest.param("status >= 200", {"input": "{{g.data}}"}, id="a field that a component answers"),
        pytest.param("true", {}, id="nothing to read"),
        pytest.param("status == 1", {"take": "input"}, id="an input that is taken"),
        pytest.param("{{input.rule}}", ANY_INPUT, id="a whole condition from data"),
        pytest.param(True, {}, id="a boolean"),
        pytest.param("((not not a == 1) or (b)) and c", ANY_INPUT, id="parentheses"),
    ],
)
def test_a_condition_that_may_hold(text: Any, config: dict[str, Any]) -> None:
    assert condition(text, **config) == []


@pytest.mark.parametrize(
    ("text", "config", "says", "hint"),
    [
        pytest.param(
            "status == True",
            ANY_INPUT,
            "reads a field `True`",
            "Write `true`, or put quotes around a string: 'True'.",
            id="Python's true",
        ),
        pytest.param(
            "status == None",
            ANY_INPUT,
            "reads a field `None`",
            "Write `null`, or put quotes around a string: 'None'.",
            id="Python's null",
        ),
        pytest.param("a = 1", ANY_INPUT, "has `=`", "Write `==`.", id="one equals sign"),
        pytest.param("a && b", ANY_INPUT, "has `&&`", "Write `and`.", id="JavaScript's and"),
        pytest.param(
            "given == paid",
            {"input": {"given": "{{input.x}}"}},
            "reads `paid`, but `input` has given",
            "Put quotes around a string: 'paid'; or provide it: input: {paid: ...}.",
            id="quotes missing",
        ),
        pytest.param(
            "status == open",
            {"input": "{{g.data}}"},
            "reads `open`, but `input` has status, headers, body, items, pages, truncated",
            "Put quotes around a string: 'open'; or provide it: input: {open: ...}.",
            id="quotes missing, beside what a component answers",
        ),
        pytest.param(
            "status == 1",
            {},
            "reads `status`, but `input` is not given",
            "Put quotes around a string: 'status'; or provide it: input: {status: ...}.",
            id="no input",
        ),
    ],
)
def test_a_condition_that_cannot_be_meant(text: str, config: dict[str, Any], says: str, hint: str) -> None:
    assert condition(text, **config) == [("INVALID_INPUT", f"the condition {text!r} {says}", hint)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a ==",
        "== 1",
        "(a == 1",
        "a == 1)",
        "a <> 1",
        "a + 1 > 2",
        "items[-1] > 3",
        "a == 1 2",
        "and",
        "a or",
        "not",
        "()",
    ],
)
def test_a_condition_that_cannot_be_read(text: str) -> None:
    [(code, message, _)] = condition(text, input="{{input}}")
    assert (code, message) == ("INVALID_INPUT", f"the condition {text!r} cannot be read")


@pytest.mark.parametrize(
    "text", ["{{input.v}} == 'admin'", "role == '{{input.v}}'", "{{input.v}}{{input.w}}", "not {{input.v}}"]
)
def test_data_is_not_spliced_into_a_condition(text: str) -> None:
    [(code, message, hint)] = condition(text, input="{{input}}")
    assert code == "INVALID_INPUT"
    assert message.startswith(f"data is spliced into the condition {text!r}")
    assert hint == 'Compare a named value: condition: given == "admin", input: {given: "{{input.v}}"}.'
