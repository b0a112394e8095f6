"""What a template, an expression and a loop's path may refer to: values that have settled before it is evaluated."""

import pytest

from arcrun.workflows.diagnostics import Severity
from fakes.contracts import build_contract
from fakes.flows import diagnose, text_of

CHAIN = ("input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c")
SIDES = ("input >> PIPE >> a", "input >> PIPE >> b", "a >> PIPE >> c")
LOOP = (
    "input >> PIPE >> a",
    "a >> FOREACH x IN a.data.items >> b",
    "b >> PIPE >> c",
    "a >> CONTINUE >> d",
    "a >> ON_SUCCESS >> e",
)
NESTED = (
    "input >> FOREACH x IN input.items >> a",
    "a >> FOREACH y IN x.list >> b",
    "a >> CONTINUE >> c",
    "input >> CONTINUE >> d",
)

TWO = (
    "input >> PIPE >> a",
    "a >> FOREACH x IN a.data.p >> b",
    "a >> FOREACH y IN a.data.q >> c",
    "a >> CONTINUE >> d",
)
SAME = (
    "input >> PIPE >> a",
    "a >> FOREACH x IN a.data.p >> b",
    "a >> CONTINUE >> d",
    "d >> FOREACH x IN d.data.p >> e",
    "d >> CONTINUE >> f",
)


def problems(lines: tuple[str, ...], node: str, reference: str) -> list[tuple[str, str]]:
    """Message and hint of the findings about a reference in a node's config."""
    source = text_of(*lines, config=f"  {node}: {{v: '{{{{{reference}}}}}'}}\n")
    found = diagnose(source)
    assert {d.code for d in found} <= {"UNRESOLVED_REFERENCE"}
    return [(d.message.removeprefix(f"{{{{{reference}}}}} "), d.hint) for d in found]


@pytest.mark.parametrize(
    ("lines", "node", "reference"),
    [
        pytest.param(CHAIN, "a", "input", id="the trigger"),
        pytest.param(CHAIN, "a", "input.anything.at.all", id="any field of the trigger"),
        pytest.param(CHAIN, "a", "webhook.x", id="alias of the trigger"),
        pytest.param(CHAIN, "b", "a", id="parent"),
        pytest.param(CHAIN, "b", "a.data", id="its data"),
        pytest.param(CHAIN, "b", "a.error.message?", id="its error"),
        pytest.param(CHAIN, "b", "a.success", id="whether it succeeded"),
        pytest.param(CHAIN, "c", "a.data.x", id="grandparent"),
        pytest.param(CHAIN, "a", "_today", id="clock"),
        pytest.param(CHAIN, "a", "credential.bot", id="credential"),
        pytest.param(CHAIN, "a", "creds.bot", id="alias of credential"),
        pytest.param(LOOP, "b", "x.id", id="item"),
        pytest.param(LOOP, "c", "x", id="item, further within the body"),
        pytest.param(LOOP, "c", "b.data", id="node of the same iteration"),
        pytest.param(LOOP, "c", "a.data", id="node before the loop"),
        pytest.param(LOOP, "d", "a.results", id="results behind the loop"),
        pytest.param(LOOP, "d", "a.errors[0].index", id="errors behind the loop"),
        pytest.param(NESTED, "b", "x", id="item of the outer loop"),
        pytest.param(NESTED, "b", "y.z", id="item of the inner loop"),
        pytest.param(NESTED, "c", "a.results", id="results of the inner loop, within the outer"),
        pytest.param(NESTED, "c", "y.errors[0].item", id="the same, by the item"),
        pytest.param(NESTED, "d", "x.results", id="results of the trigger's loop"),
        pytest.param(TWO, "d", "x.results", id="results of one of two loops"),
        pytest.param(TWO, "d", "y.results", id="results of the other"),
        pytest.param(SAME, "e", "x.results", id="the element of a second loop with the item, which is nearer"),
    ],
)
def test_what_can_be_referred_to(lines: tuple[str, ...], node: str, reference: str) -> None:
    assert problems(lines, node, reference) == []


@pytest.mark.parametrize(
    ("lines", "node", "reference", "message", "hint"),
    [
        pytest.param(CHAIN, "b", "aa.data", "refers to nothing", "Did you mean `a`?", id="near name"),
        pytest.param(CHAIN, "b", "inptu.x", "refers to nothing", "Did you mean `input`?", id="near trigger"),
        pytest.param(CHAIN, "b", "_todya", "refers to nothing", "Did you mean `_today`?", id="near clock"),
        pytest.param(
            CHAIN, "b", "credentials.x", "refers to nothing", "Did you mean `credential`?", id="near credential"
        ),
        pytest.param(
            CHAIN, "a", "a.data", "refers to the node itself", "Refer to a node that runs before it.", id="itself"
        ),
        pytest.param(
            CHAIN,
            "a",
            "b.data",
            "may not exist: `b` does not run before `a`",
            "`b` runs after `a`: read it in a step after `b`.",
            id="later",
        ),
        pytest.param(
            SIDES,
            "c",
            "b.data",
            "may not exist: `b` does not run before `c`",
            "Add a line from `b` to `c`.",
            id="aside",
        ),
        pytest.param(
            CHAIN,
            "b",
            "a.body",
            "does not exist: a node has data, error, success",
            "Did you mean {{a.data.body}}?",
            id="field",
        ),
        pytest.param(
            CHAIN,
            "b",
            "a.body[0].x",
            "does not exist: a node has data, error, success",
            "Did you mean {{a.data.body[0].x}}?",
            id="deep field",
        ),
        pytest.param(
            CHAIN,
            "b",
            "a.results",
            "does not exist: a node has data, error, success",
            "Did you mean {{a.data.results}}?",
            id="results without a loop",
        ),
        pytest.param(CHAIN, "a", "_today.x", "is a clock and has no fields", "Write {{_today}}.", id="clock's field"),
        pytest.param(CHAIN, "a", "credential", "names no credential", "Write {{credential.NAME}}.", id="no credential"),
        pytest.param(
            CHAIN, "a", "credential.a.b", "names no credential", "Write {{credential.NAME}}.", id="credential's field"
        ),
        pytest.param(
            LOOP,
            "d",
            "c.data",
            "is out of reach: `c` runs once for each `x`",
            "After `a >> CONTINUE >> d`, {{a.results}} has the answer of each.",
            id="body from behind the loop",
        ),
        *[
            pytest.param(
                LOOP,
                "d",
                path,
                "is not an element here: the loop of `x` has ended",
                "Its results are {{x.results}} and {{x.errors}}.",
                id=f"item behind the loop: {path}",
            )
            for path in ("x", "x.id")
        ],
        pytest.param(
            TWO,
            "d",
            "a.results",
            "is unclear: 2 loops leave `a`",
            "Write {{x.results}} or {{y.results}}.",
            id="two loops",
        ),
        pytest.param(
            SAME,
            "f",
            "x.results",
            "is unclear: the loops of `a` and `d` both have the item `x`",
            "Give the items different names.",
            id="an item of two loops",
        ),
        pytest.param(CHAIN, "b", "owner", "refers to nothing", "Did you mean `input.owner`?", id="the trigger's field"),
        pytest.param(
            LOOP,
            "e",
            "a.results",
            "may not exist yet: the loop may not have finished",
            "Add `a >> CONTINUE >> e`.",
            id="results beside the loop",
        ),
        pytest.param(
            LOOP,
            "b",
            "a.results",
            "may not exist yet: the loop may not have finished",
            "Add `a >> CONTINUE >> b`.",
            id="results within the loop",
        ),
        pytest.param(
            NESTED,
            "c",
            "b.data",
            "is out of reach: `b` runs once for each `y`",
            "After `a >> CONTINUE >> c`, {{a.results}} has the answer of each.",
            id="inner body from the outer one",
        ),
    ],
)
def test_what_cannot_be_referred_to(lines: tuple[str, ...], node: str, reference: str, message: str, hint: str) -> None:
    [(found, found_hint)] = problems(lines, node, reference)
    assert found == message
    assert hint in ("", found_hint)


def test_a_fallback_does_not_excuse_a_name_that_is_nothing() -> None:
    assert [message for message, _ in problems(CHAIN, "b", "zzz.x?")] == ["{{zzz.x}} refers to nothing"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("b >> IF(a.data.n > `1` && input.x) >> c", [], id="ancestors"),
        pytest.param("b >> IF(b.data.ok) >> c", [], id="where the edge leaves"),
        pytest.param("b >> IF(trigger.x) >> c", [], id="alias of the trigger"),
        pytest.param(
            "b >> IF(c.data.ok) >> c", ["`c` may not exist: `c` does not run before `b`"], id="where it leads"
        ),
        pytest.param("b >> IF(status == `200`) >> c", ["`status` refers to nothing"], id="a field as a name"),
        pytest.param("b >> IF(a.data.x == paid) >> c", ["`paid` refers to nothing"], id="text without quotes"),
        pytest.param("b >> IF(_hour > `8`) >> c", ["`_hour` cannot be used in an expression"], id="clock"),
        pytest.param("b >> IF(credential.x) >> c", ["`credential` cannot be used in an expression"], id="credential"),
        pytest.param("b >> IF(creds.x) >> c", ["`creds` cannot be used in an expression"], id="its alias"),
        pytest.param("b >> IF(p && q) >> c", ["`p` refers to nothing", "`q` refers to nothing"], id="each name"),
        pytest.param("b >> FOREACH x IN a.data.list >> c", [], id="path of an ancestor"),
        pytest.param("b >> FOREACH x IN b.data.list >> c", [], id="path of its own"),
        pytest.param("b >> FOREACH x IN input >> c", [], id="path of the trigger"),
        pytest.param("b >> FOREACH x IN list >> c", ["{{list}} refers to nothing"], id="path to nothing"),
        pytest.param("b >> FOREACH x IN x.list >> c", ["{{x.list}} refers to nothing"], id="path of its own item"),
        pytest.param(
            "b >> FOREACH x IN b.list >> c", ["{{b.list}} does not exist: a node has data, error, success"], id="field"
        ),
    ],
)
def test_what_an_edge_refers_to(line: str, expected: list[str]) -> None:
    found = diagnose(text_of("input >> PIPE >> a", "a >> PIPE >> b", line))
    assert [(d.code, d.message, d.line, d.column) for d in found] == [
        ("UNRESOLVED_REFERENCE", message, 5, 5) for message in expected
    ]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("b >> IF(b.error) >> c", id="it has succeeded where the line is looked at"),
        pytest.param("b >> IF(a.results) >> c", id="no loop"),
        pytest.param("b >> IF(a.rounds) >> c", id="no repeat"),
    ],
)
def test_what_an_expression_reads_that_is_never_there(line: str) -> None:
    found = diagnose(text_of("input >> PIPE >> a", "a >> PIPE >> b", line))
    assert [(d.code, d.severity) for d in found] == [("UNRESOLVED_REFERENCE", "error")]


def test_an_element_s_number_is_known_also_where_the_flow_is_wrong() -> None:
    lines = ("input >> FOREACH x IN input.items >> a", "a >> CONTINUE >> b")
    source = text_of(*lines, config="  a: {n: '{{x_index}}'}\n")
    assert [found.code for found in diagnose(source)] == ["INVALID_LOOP"]


def test_an_item_is_seen_by_the_expressions_of_its_body() -> None:
    source = text_of(
        "input >> FOREACH x IN input.items >> a", "a >> IF(x.wanted) >> b", "a >> FOREACH y IN x.list >> c"
    )
    assert diagnose(source) == []


def test_every_reference_is_reported_at_its_own_field() -> None:
    source = text_of("input >> PIPE >> a", config='  a:\n    p: "{{q}} {{r}}"\n    s: ["{{t}}"]\n')
    assert [(d.message, d.line, d.column) for d in diagnose(source)] == [
        ("{{q}} refers to nothing", 6, 5),
        ("{{r}} refers to nothing", 6, 5),
        ("{{t}} refers to nothing", 7, 9),
    ]


def test_where_a_line_is_broken_only_names_are_checked() -> None:
    lines = ("input >> PIPE >> a", "a >> PIP >> b", "input >> FOREACH x IN input.items >> c")
    config = '  a: {p: "{{c.data}} {{b.data}} {{zzz}} {{x}}"}\n  b: {q: "{{a.data}}"}\n'
    found = [(d.code, d.message) for d in diagnose(text_of(*lines, config=config))]
    assert found == [
        ("UNKNOWN_RELATION", "unknown relation 'PIP'"),
        ("UNRESOLVED_REFERENCE", "{{zzz}} refers to nothing"),
    ]


ANSWER = {"type": "object", "properties": {"status": {"type": "integer"}, "headers": {"type": "object"}}}


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        pytest.param("a.data.statsu", "Did you mean `status`?", id="near field"),
        pytest.param("a.data.zzz.x", "Its fields are status, headers.", id="far field"),
        pytest.param("a.data.status", None, id="field that it has"),
        pytest.param("a.data.headers.any", None, id="field of a field"),
        pytest.param("a.data", None, id="all of it"),
        pytest.param("a.error.zzz?", None, id="error"),
        pytest.param("a.data.zzz?", None, id="optional"),
        pytest.param("a.data.zzz | default(1)", None, id="default"),
    ],
)
def test_a_field_that_the_component_does_not_say_that_it_answers(reference: str, hint: str | None) -> None:
    source = text_of("input >> PIPE >> a", "a >> PIPE >> b", config=f'  b: {{v: "{{{{{reference}}}}}"}}\n')
    contracts = {"a": build_contract(canonical_id="fetch", output_schema=ANSWER)}
    message = f"{{{{{reference}}}}}: `fetch` does not declare the output `{reference.split('.')[2]}`" if hint else ""
    found = diagnose(source, contracts)
    assert [(d.severity, d.message, d.hint) for d in found] == ([(Severity.WARNING, message, hint)] if hint else [])


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": "object"}, id="says nothing"),
        pytest.param({**ANSWER, "additionalProperties": True}, id="may answer more"),
    ],
)
def test_a_component_that_may_answer_anything(schema: dict[str, object]) -> None:
    source = text_of("input >> PIPE >> a", "a >> PIPE >> b", config='  b: {v: "{{a.data.zzz}}"}\n')
    assert diagnose(source, {"a": build_contract(output_schema=schema)}) == []
