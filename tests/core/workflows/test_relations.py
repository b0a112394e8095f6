"""Each relation with all its aliases and parameters, and the errors of invalid ones."""

import ast
import re
from pathlib import Path

import pytest

from arcrun.workflows.relations import (
    RELATION_ALIASES,
    SPECS,
    Relation,
    RelationCall,
    RelationTextError,
    parse_relation,
)

ROOT = Path(__file__).resolve().parents[3]
ALIASES = {
    Relation.ON_SUCCESS: "ON_SUCCESS PIPE SUCCESS 完成後 成功時",
    Relation.ON_FAIL: "ON_FAIL FAIL 失敗時",
    Relation.ON_TRUE: "ON_TRUE TRUE 成立時 為真時",
    Relation.ON_FALSE: "ON_FALSE FALSE ELSE 不成立時 為假時 否則",
    Relation.ON_BRANCH: "ON_BRANCH BRANCH 分支",
    Relation.IF: "IF 條件滿足時",
    Relation.FOREACH: "FOREACH 對每個",
    Relation.CONTINUE: "CONTINUE",
    Relation.CALLS_SUBFLOW: "CALLS_SUBFLOW SUBFLOW",
}
PARAMETERS = {Relation.ON_BRANCH: "(x)", Relation.IF: "(x)", Relation.FOREACH: " x"}


def test_these_are_all_aliases() -> None:
    assert {alias for aliases in ALIASES.values() for alias in aliases.split()} == RELATION_ALIASES.keys()
    assert ALIASES.keys() == set(Relation)


@pytest.mark.parametrize(
    ("alias", "relation"), [(alias, relation) for relation, aliases in ALIASES.items() for alias in aliases.split()]
)
def test_a_relation_has_aliases(alias: str, relation: Relation) -> None:
    parameter = PARAMETERS.get(relation, "")
    expected = RelationCall(relation, "x" if parameter else "")
    assert [parse_relation(text + parameter) for text in (alias, alias.lower(), f" {alias} ")] == [expected] * 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("ON_BRANCH(paid)", RelationCall(Relation.ON_BRANCH, "paid"), id="branch"),
        pytest.param("ON_BRANCH( paid )", RelationCall(Relation.ON_BRANCH, "paid"), id="branch with spaces around"),
        pytest.param("ON_BRANCH paid", RelationCall(Relation.ON_BRANCH, "paid"), id="branch without parentheses"),
        pytest.param("ON_BRANCH (paid)", RelationCall(Relation.ON_BRANCH, "paid"), id="space before the parenthesis"),
        pytest.param("ON_BRANCH(two words)", RelationCall(Relation.ON_BRANCH, "two words"), id="branch of two words"),
        pytest.param("ON_BRANCH('paid')", RelationCall(Relation.ON_BRANCH, "paid"), id="branch in single quotes"),
        pytest.param('ON_BRANCH("paid")', RelationCall(Relation.ON_BRANCH, "paid"), id="branch in double quotes"),
        pytest.param("ON_BRANCH('a\")", RelationCall(Relation.ON_BRANCH, "'a\""), id="quotes that do not match"),
        pytest.param("ON_BRANCH(')", RelationCall(Relation.ON_BRANCH, "'"), id="one quote"),
        pytest.param("ON_BRANCH(f(x))", RelationCall(Relation.ON_BRANCH, "f(x)"), id="parentheses in a branch"),
        pytest.param("分支(已付款)", RelationCall(Relation.ON_BRANCH, "已付款"), id="branch in Chinese"),
        pytest.param("IF(a.b == `1`)", RelationCall(Relation.IF, "a.b == `1`"), id="expression"),
        pytest.param("IF('x')", RelationCall(Relation.IF, "'x'"), id="expression keeps its quotes"),
        pytest.param("IF a.b", RelationCall(Relation.IF, "a.b"), id="expression without parentheses"),
        pytest.param("IF(\n a &&\n b)", RelationCall(Relation.IF, "a &&\n b"), id="expression of several lines"),
        pytest.param("條件滿足時(a)", RelationCall(Relation.IF, "a"), id="expression in Chinese"),
        pytest.param("FOREACH item", RelationCall(Relation.FOREACH, "item"), id="item"),
        pytest.param("CONTINUE", RelationCall(Relation.CONTINUE), id="all loops"),
        pytest.param("CONTINUE(item)", RelationCall(Relation.CONTINUE, "item"), id="one loop"),
        pytest.param("CONTINUE item", RelationCall(Relation.CONTINUE, "item"), id="one loop without parentheses"),
        pytest.param("FOREACH(item)", RelationCall(Relation.FOREACH, "item"), id="item in parentheses"),
        pytest.param("FOREACH item IN a.b", RelationCall(Relation.FOREACH, "item", "a.b"), id="item and path"),
        pytest.param("foreach item in a.b", RelationCall(Relation.FOREACH, "item", "a.b"), id="in small letters"),
        pytest.param("FOREACH(item IN a.b)", RelationCall(Relation.FOREACH, "item", "a.b"), id="both in parentheses"),
        pytest.param("FOREACH item IN {{a.b}}", RelationCall(Relation.FOREACH, "item", "a.b"), id="path in braces"),
        pytest.param("FOREACH item IN {{ a.b }}", RelationCall(Relation.FOREACH, "item", "a.b"), id="and spaces"),
        pytest.param('FOREACH x IN a["b c"]', RelationCall(Relation.FOREACH, "x", 'a["b c"]'), id="quoted step"),
        pytest.param("FOREACH in IN in", RelationCall(Relation.FOREACH, "in", "in"), id="item named in"),
        pytest.param("對每個 項目 IN a", RelationCall(Relation.FOREACH, "項目", "a"), id="item in Chinese"),
        pytest.param("對每個item", RelationCall(Relation.FOREACH, "item"), id="no space behind Chinese"),
    ],
)
def test_a_relation_has_parameters(text: str, expected: RelationCall) -> None:
    assert parse_relation(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "message", "hint"),
    [
        ("ON_BRANCH", "MALFORMED_LINE", "ON_BRANCH has no parameter", "Write ON_BRANCH(name)."),
        ("分支()", "MALFORMED_LINE", "分支 has no parameter", "Write ON_BRANCH(name)."),
        ("IF", "MALFORMED_LINE", "IF has no parameter", "Write IF(expression)."),
        ("IF( )", "MALFORMED_LINE", "IF has no parameter", "Write IF(expression)."),
        ("FOREACH", "MALFORMED_LINE", "FOREACH has no parameter", "Write FOREACH item IN path."),
        (
            "FOREACH a b",
            "MALFORMED_LINE",
            "`a b` is not of the form `item IN list`",
            "Write FOREACH item IN path.",
        ),
        (
            "FOREACH a IN",
            "MALFORMED_LINE",
            "`a IN` is not of the form `item IN list`",
            "Write FOREACH item IN path.",
        ),
        (
            "FOREACH a IN {{}}",
            "MALFORMED_LINE",
            "`a IN {{}}` is not of the form `item IN list`",
            "Write FOREACH item IN path.",
        ),
        (
            "FOREACH a IN {{b",
            "MALFORMED_LINE",
            "`a IN {{b` is not of the form `item IN list`",
            "Write FOREACH item IN path.",
        ),
        ("FOREACH a.b", "MALFORMED_LINE", "`a.b` is not of the form `item IN list`", "Write FOREACH item IN path."),
        ("ON_SUCCESS(x)", "MALFORMED_LINE", "ON_SUCCESS takes no parameter", "Write ON_SUCCESS."),
        ("完成後 x", "MALFORMED_LINE", "ON_SUCCESS takes no parameter", "Write ON_SUCCESS."),
        ("CONTINUE item IN x", "MALFORMED_LINE", "`item IN x` is not a valid item name", "Write CONTINUE(item)."),
        ("CONTINUE()", "MALFORMED_LINE", "CONTINUE has no parameter", "Write CONTINUE(item)."),
        ("ON_SUCESS", "UNKNOWN_RELATION", "unknown relation 'ON_SUCESS'", "Did you mean ON_SUCCESS?"),
        ("onsuccess", "UNKNOWN_RELATION", "unknown relation 'onsuccess'", "Did you mean ON_SUCCESS?"),
        ("on success", "UNKNOWN_RELATION", "unknown relation 'on success'", "Did you mean ON_SUCCESS?"),
        ("ON-FAIL", "UNKNOWN_RELATION", "unknown relation 'ON-FAIL'", "Did you mean ON_FAIL?"),
        ("PIPES", "UNKNOWN_RELATION", "unknown relation 'PIPES'", "Did you mean PIPE?"),
        ("完成后", "UNKNOWN_RELATION", "unknown relation '完成后'", "Did you mean 完成後?"),
        ("ON_BRACH(x)", "UNKNOWN_RELATION", "unknown relation 'ON_BRACH(x)'", "Did you mean ON_BRANCH?"),
        ("FOR EACH x", "UNKNOWN_RELATION", "unknown relation 'FOR EACH x'", "Did you mean FOREACH?"),
        (
            "WHENEVER",
            "UNKNOWN_RELATION",
            "unknown relation 'WHENEVER'",
            "Relations: ON_SUCCESS, ON_FAIL, ON_TRUE, ON_FALSE, ON_BRANCH, IF, FOREACH, CONTINUE, CALLS_SUBFLOW.",
        ),
        (
            "",
            "UNKNOWN_RELATION",
            "unknown relation ''",
            "Relations: ON_SUCCESS, ON_FAIL, ON_TRUE, ON_FALSE, ON_BRANCH, IF, FOREACH, CONTINUE, CALLS_SUBFLOW.",
        ),
    ],
)
def test_what_is_said_of_a_relation_that_cannot_be_read(text: str, code: str, message: str, hint: str) -> None:
    with pytest.raises(RelationTextError) as caught:
        parse_relation(text)
    assert (caught.value.code, caught.value.message, caught.value.hint) == (code, message, hint)


def test_no_other_module_names_a_relation() -> None:
    """Relations are only defined in their records, so that adding one only takes a record."""
    sources = [path for part in ("core", "cli", "workers") for path in (ROOT / part).rglob("*.py")]
    found = [
        f"{path.name}: {node.attr}"
        for path in sources
        if path.name != "relations.py" and not {"python_modules", "build"} & set(path.parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Relation"
    ]
    assert (len(sources) > 100, found) == (True, [])


def test_each_relation_has_a_record_and_each_word_one_relation() -> None:
    assert SPECS.keys() == set(Relation)
    words = [word for relation, spec in SPECS.items() for word in (relation.value, *spec.words)]
    assert len(words) == len(set(words)) == len(RELATION_ALIASES)


def test_the_language_is_documented_with_all_its_words() -> None:
    table = (ROOT / "docs/language.md").read_text(encoding="utf-8").partition("## What an edge needs")[2]
    rows = [line for line in table.partition("\n\nA step waits")[0].splitlines() if line.startswith("| ")]
    said = set(re.findall(r"[A-Z_]{2,}|[^\x00-\x7f]+", " ".join(row.split("|")[1] for row in rows)))
    assert said - {"TO", "FROM", "IN"} == RELATION_ALIASES.keys()
