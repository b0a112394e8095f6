"""Which flow lines are accepted, including full-width characters, and the errors of the others."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.workflows.relations import RELATION_ALIASES, Relation, RelationCall, RelationTextError
from arcrun.workflows.triplets import parse_triplet

NOT_MADE_OF = "which may only have letters, digits, _ and -"
FORM = "A flow line is `FROM >> RELATION >> TO`, such as `input >> ON_SUCCESS >> grab`."
IF, ON_BRANCH, FOREACH, ON_SUCCESS = Relation.IF, Relation.ON_BRANCH, Relation.FOREACH, Relation.ON_SUCCESS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a >> ON_SUCCESS >> b", ("a", "b"), id="plain"),
        pytest.param("a>>ON_SUCCESS>>b", ("a", "b"), id="without spaces"),
        pytest.param("  a\t>>  ON_SUCCESS >>\n b ", ("a", "b"), id="with more white space"),
        pytest.param("a >> on_success >> b", ("a", "b"), id="relation in small letters"),
        pytest.param("fetch_page-2 >> PIPE >> tell", ("fetch_page-2", "tell"), id="name with _ - and a digit"),
        pytest.param("抓取 >> 完成後 >> 通知", ("抓取", "通知"), id="names beyond ASCII"),
        pytest.param("ON_SUCCESS >> ON_SUCCESS >> PIPE", ("ON_SUCCESS", "PIPE"), id="names that are relations"),
        pytest.param("抓取　＞＞　完成後　＞＞　通知", ("抓取", "通知"), id="full-width signs and spaces"),
        pytest.param("抓取 ＞> 完成後 >＞ 通知", ("抓取", "通知"), id="half full-width"),
    ],
)
def test_reads_a_line(text: str, expected: tuple[str, str]) -> None:
    assert parse_triplet(text) == (expected[0], RelationCall(ON_SUCCESS), expected[1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a >> IF(b.data.n >> `1`) >> c", RelationCall(IF, "b.data.n >> `1`"), id="arrows in parentheses"),
        pytest.param("a >> IF(x == 'y >> z') >> c", RelationCall(IF, "x == 'y >> z'"), id="arrows in quotes"),
        pytest.param("a ＞＞ 條件滿足時（ｘ＝＝`1`） ＞＞ c", RelationCall(IF, "ｘ==`1`"), id="letters stay"),
        pytest.param("a >> IF（x ！＝ `1` ＆＆ y ｜｜ z） >> c", RelationCall(IF, "x != `1` && y || z"), id="IF"),
        pytest.param("a >> IF（x［0］．y ＜ `2`） >> c", RelationCall(IF, "x[0].y < `2`"), id="brackets and dot"),
        pytest.param("a >> IF（f（x，y）） >> c", RelationCall(IF, "f(x,y)"), id="comma"),
        pytest.param("a >> IF(x == '（！）') >> c", RelationCall(IF, "x == '（！）'"), id="quoted signs stay"),
        pytest.param('a >> IF("鍵，".x) >> c', RelationCall(IF, '"鍵，".x'), id="double quotes too"),
        pytest.param("a >> IF(x == `「，」`) >> c", RelationCall(IF, "x == `「，」`"), id="backticks too"),
        pytest.param("a >> 分支（付款） >> c", RelationCall(ON_BRANCH, "付款"), id="branch"),
        pytest.param("a >> 對每個 item >> c", RelationCall(FOREACH, "item"), id="FOREACH"),
        pytest.param("a >> 對每個（item IN a．data） >> c", RelationCall(FOREACH, "item", "a.data"), id="FOREACH IN"),
    ],
)
def test_parameters_may_hold_the_signs_of_the_language(text: str, expected: RelationCall) -> None:
    assert parse_triplet(text) == ("a", expected, "c")


def refusal_of(text: str) -> RelationTextError:
    with pytest.raises(RelationTextError) as caught:
        parse_triplet(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        pytest.param("", "has 1 parts, not 3", FORM, id="empty"),
        pytest.param("a", "has 1 parts, not 3", FORM, id="one name"),
        pytest.param("a >> b", "has 2 parts, not 3", FORM, id="no relation"),
        pytest.param("a -> ON_SUCCESS -> b", "has 1 parts, not 3", FORM, id="other arrows"),
        pytest.param("a >> PIPE >> b >> PIPE >> c", "has 5 parts, not 3", FORM, id="a chain"),
        pytest.param(">> PIPE >> b", f"has the name '', {NOT_MADE_OF}", FORM, id="no source"),
        pytest.param("a >> PIPE >>", f"has the name '', {NOT_MADE_OF}", FORM, id="no target"),
        pytest.param(
            "a b >> PIPE >> c",
            f"has the name 'a b', {NOT_MADE_OF}",
            "Write a_b, here and in `config`.",
            id="space in a name",
        ),
        pytest.param(
            "a >> PIPE >> c.d",
            f"has the name 'c.d', {NOT_MADE_OF}",
            "Write c_d, here and in `config`.",
            id="dot in a name",
        ),
    ],
)
def test_a_malformed_line_is_quoted(text: str, reason: str, hint: str) -> None:
    refusal = refusal_of(text)
    assert (refusal.code, refusal.message) == ("MALFORMED_LINE", f"the flow line {text!r} {reason}")
    assert refusal.hint == hint


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a >> IF(x) >> b >> PIPE >> c", id="behind an IF"),
        pytest.param("a >> PIPE >> b >> IF(x) >> c", id="before an IF"),
        pytest.param("a >> FOREACH x IN y >> b >> PIPE >> c", id="behind a FOREACH"),
        pytest.param("a >> ON_BRANCH(x) >> b >> ON_BRANCH(y) >> c", id="of branches"),
    ],
)
def test_a_chain_is_malformed_whatever_its_relations(text: str) -> None:
    assert refusal_of(text).code == "MALFORMED_LINE"


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    assert code_of(text) in (None, "MALFORMED_LINE", "UNKNOWN_RELATION")


def code_of(text: str) -> str | None:
    try:
        parse_triplet(text)
    except RelationTextError as error:
        return error.code
    return None


NAMES = st.from_regex(r"[\w-]+", fullmatch=True)
PARAMETERS = {ON_BRANCH: "(paid)", IF: "(x == `1`)", FOREACH: " item IN a.data"}


@given(NAMES, st.sampled_from(sorted(RELATION_ALIASES)), NAMES, st.text(" \t　", max_size=3))
def test_every_well_formed_line_is_read(source: str, alias: str, target: str, space: str) -> None:
    relation = RELATION_ALIASES[alias]
    line = f"{space}{source}{space}>>{space}{alias}{PARAMETERS.get(relation, '')}{space}>>{space}{target}{space}"
    read_source, call, read_target = parse_triplet(line)
    assert (read_source, call.relation, read_target) == (source, relation, target)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" + " " * 20_000 + "b", id="spaces"),
        pytest.param("a >> IF" + "(" * 20_000 + " >> b", id="parentheses"),
        pytest.param("a >> FOREACH x IN" + " " * 20_000 + "{ >> b", id="a path of spaces"),
        pytest.param("a >> " + "x" * 20_000 + " >> b", id="a long relation"),
        pytest.param("a" + " >> PIPE >> b" * 5_000, id="a long chain"),
    ],
)
def test_a_hostile_line_costs_no_more_than_its_length(text: str) -> None:
    started = time.perf_counter()
    code_of(text)
    assert time.perf_counter() - started < 0.25
