"""YAML is read according to version 1.2, with JSON's numbers; keys stay as written; invalid values are refused with
their position; rendered values are read back.
"""

import json
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st

from arcrun.limits import MAX_YAML_DEPTH, MAX_YAML_LINES
from arcrun.yaml_text import YamlTextError, parse_json_or_yaml, parse_yaml, parse_yaml_in_steps, render_yaml


def read(text: str) -> Any:
    return parse_yaml(text).value


def typed(value: Any) -> Any:
    """Distinguishes 1, 1.0 and True, which are equal in Python."""
    return type(value), value


def refusal_of(text: str) -> tuple[str, int | None, int | None]:
    with pytest.raises(YamlTextError) as caught:
        parse_yaml(text)
    return caught.value.problem, caught.value.line, caught.value.column


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        *[pytest.param(word, None, id=f"null as {word or 'nothing'}") for word in ("null", "Null", "NULL", "~", "")],
        *[pytest.param(word, True, id=f"true as {word}") for word in ("true", "True", "TRUE")],
        *[pytest.param(word, False, id=f"false as {word}") for word in ("false", "False", "FALSE")],
        *[
            pytest.param(written, value, id=f"integer {written}")
            for written, value in (
                ("0", 0),
                ("-0", 0),
                ("1", 1),
                ("-1", -1),
                ("42", 42),
                ("12345678901234567890", 12345678901234567890),
            )
        ],
        *[
            pytest.param(written, value, id=f"number {written}")
            for written, value in (
                ("0.0", 0.0),
                ("0.5", 0.5),
                ("-0.5", -0.5),
                ("1.0", 1.0),
                ("1e3", 1000.0),
                ("1E3", 1000.0),
                ("1e+3", 1000.0),
                ("1E-3", 0.001),
                ("-1.5e2", -150.0),
                ("0e0", 0.0),
                ("1e-400", 0.0),
            )
        ],
    ],
)
def test_a_plain_scalar_that_is_no_text(written: str, expected: Any) -> None:
    assert typed(read(f"x: {written}\n")["x"]) == typed(expected)
    assert typed(read(f"[{written or 'null'}, 1]")[0]) == typed(expected)


@pytest.mark.parametrize(
    "written",
    [
        *("12:30", "12:30:45", "1:2", "190:20:30"),
        *("NO", "no", "No", "YES", "yes", "on", "On", "ON", "off", "OFF", "y", "n", "Y", "N"),
        *("tRUE", "nULL", "none", "None", "nil", "undefined"),
        *("0123", "00", "-01", "007", "0o17", "0x1F", "0b11", "+1", "+1.5", "1_000", "1_2", "1,000"),
        *(".5", "-.5", "1.", "1.e3", "1e", "1e3.5", "e3", "1e+", "0x", "١٢"),
        *(".inf", "-.inf", "+.inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", "NaN", "Infinity", "-Infinity"),
        *("2026-11-01", "2026-11-01T10:00:00Z", "2026-11-01 10:00:00", "2026-11-01t10:00:00.5+01:00"),
        *("<<", "=", "--", "1-2", "1 2", "1.2.3", "127.0.0.1", "v1", "-x"),
        *("http://a.example/?b=c", "a:b", "a#b", "a'b", 'a"b', "x,y", "a{b}", "a{{b}}", "?x", ":x"),
    ],
)
def test_a_plain_scalar_that_is_a_text(written: str) -> None:
    assert read(f"x: {written}\n") == {"x": written}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param('"1"', "1", id="double quotes"),
        pytest.param("'true'", "true", id="single quotes"),
        pytest.param('""', "", id="nothing in quotes"),
        pytest.param("|\n  12\n", "12\n", id="literal block"),
        pytest.param("|-\n  null\n", "null", id="literal block, stripped"),
        pytest.param(">-\n  1\n  2\n", "1 2", id="folded block"),
        pytest.param('"a\\tb\\u00e9\\x41\\/"', "a\tbéA/", id="escapes"),
        pytest.param('"\\ud83d\\ude00"', "😀", id="a surrogate pair, as JSON writes it"),
        pytest.param('"\\U0001F600"', "😀", id="a long escape"),
        pytest.param("'it''s'", "it's", id="a doubled quote"),
        pytest.param('"a\n   b"', "a b", id="folded in quotes"),
        pytest.param("a\n  b", "a b", id="plain over two lines"),
        pytest.param("a\n\n\n  b", "a\n\nb", id="plain with empty lines"),
        pytest.param("a # b", "a", id="a comment"),
    ],
)
def test_a_scalar_in_its_styles(written: str, expected: str) -> None:
    assert typed(read(f"x: {written}")["x"]) == typed(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("12: x", {"12": "x"}, id="number"),
        pytest.param("0123: x", {"0123": "x"}, id="leading zero"),
        pytest.param("12:30: x", {"12:30": "x"}, id="time"),
        pytest.param("true: x", {"true": "x"}, id="true"),
        pytest.param("True: x", {"True": "x"}, id="True"),
        pytest.param("on: x", {"on": "x"}, id="on"),
        pytest.param("null: x", {"null": "x"}, id="null"),
        pytest.param("~: x", {"~": "x"}, id="tilde"),
        pytest.param('{"": x}', {"": "x"}, id="nothing"),
        pytest.param("2026-11-01: x", {"2026-11-01": "x"}, id="date"),
        pytest.param("{1: a, 1.0: b}", {"1": "a", "1.0": "b"}, id="two ways to write one number"),
        pytest.param("{true: a, TRUE: b}", {"true": "a", "TRUE": "b"}, id="two ways to write true"),
        pytest.param("? a\n: b", {"a": "b"}, id="with a question mark"),
        pytest.param('{"a":1}', {"a": 1}, id="JSON"),
        pytest.param("<<: {a: 1}", {"<<": {"a": 1}}, id="no merging"),
        pytest.param("[{<<: {a: 1}, b: 2}]", [{"<<": {"a": 1}, "b": 2}], id="no merging in a flow mapping"),
    ],
)
def test_a_key_is_a_text_as_written(text: str, expected: Any) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "problem", "place"),
    [
        pytest.param("a: 1\nb: 2\na: 3", "'a' is a duplicate key", (3, 1), id="duplicate key"),
        pytest.param("{1: a, '1': b}", "'1' is a duplicate key", (1, 8), id="duplicate key, once in quotes"),
        pytest.param("x: {y: [{z: 1, z: 1}]}", "'z' is a duplicate key", (1, 16), id="duplicate key within"),
        pytest.param("? [a]\n: b", "a key must be a string, not a list", (1, 3), id="list as a key"),
        pytest.param("? {a: 1}\n: b", "a key must be a string, not a mapping", (1, 3), id="mapping as a key"),
        pytest.param(
            "{ {a: 1}: b}", "a key must be a string, not a mapping", (1, 3), id="mapping as a key of a flow mapping"
        ),
        pytest.param(
            "a: &b 1\nc: *b",
            'aliases are not allowed; a string that begins with * needs quotes: c: "*b"',
            (2, 4),
            id="alias",
        ),
        pytest.param(
            "a: !!str 1",
            'tags are not allowed; a string that begins with ! needs quotes: a: "!!str 1"',
            (1, 4),
            id="tag",
        ),
        pytest.param(
            "a: ! 1",
            'tags are not allowed; a string that begins with ! needs quotes: a: "! 1"',
            (1, 4),
            id="non-specific tag",
        ),
        pytest.param(
            "a: 1e400", "the number is too large for JSON: put it in quotes if it is a string", (1, 4), id="huge number"
        ),
        pytest.param(
            "a: -1.0e999",
            "the number is too large for JSON: put it in quotes if it is a string",
            (1, 4),
            id="huge negative",
        ),
        pytest.param(
            f"a: {'9' * 5000}",
            "the number has 5000 digits, which is too many: put it in quotes",
            (1, 4),
            id="too many digits",
        ),
        pytest.param('a: "\\ud83d"', "it has half of a surrogate pair", (1, 4), id="half a surrogate pair"),
        pytest.param("a: 1\nb: x\x00y", "the character U+0000 is not allowed", (2, 5), id="NUL"),
        pytest.param("a: 1\n\tb: 2", "a tab cannot indent: use spaces", (2, 1), id="tab as indentation"),
        pytest.param("a:\n \tb: 2", "a tab cannot indent: use spaces", (2, 2), id="tab behind a space as indentation"),
    ],
)
def test_what_is_refused(text: str, problem: str, place: tuple[int, int]) -> None:
    assert refusal_of(text) == (problem, *place)


BRACES, BETWEEN = "a string that begins with braces", "a string with braces"


@pytest.mark.parametrize(
    ("text", "written", "sample", "value"),
    [
        pytest.param("url: {{a}}", "url: {{a}}", 'url: "{{a}}"', {"url": "{{a}}"}, id="value"),
        pytest.param(
            "a:\n  url: {{b}}/x\n  c: 1",
            "url: {{b}}/x",
            'url: "{{b}}/x"',
            {"a": {"url": "{{b}}/x", "c": 1}},
            id="rest of the line",
        ),
        pytest.param("x: {{ a }}  # b", "x: {{ a }}", 'x: "{{ a }}"', {"x": "{{ a }}"}, id="before a comment"),
        pytest.param(
            'x: {{a | default(" # ")}} # b',
            'x: {{a | default(" # ")}}',
            "x: '{{a | default(\" # \")}}'",
            {"x": '{{a | default(" # ")}}'},
            id="sign of a comment in quotes",
        ),
        pytest.param("x: {{a[0].b}}: c", "x: {{a[0].b}}: c", 'x: "{{a[0].b}}: c"', {"x": "{{a[0].b}}: c"}, id="colon"),
        pytest.param(
            """x: {{a["it's"]}}""",
            """x: {{a["it's"]}}""",
            """x: '{{a["it''s"]}}'""",
            {"x": """{{a["it's"]}}"""},
            id="both quotes in it",
        ),
        pytest.param('"a b": {{c}}', '"a b": {{c}}', '"a b": "{{c}}"', {"a b": "{{c}}"}, id="key in quotes"),
        pytest.param("- {{a}}\n- b", "{{a}}", '"{{a}}"', ["{{a}}", "b"], id="element"),
        pytest.param("- x: {{a}}\n  y: 1", "x: {{a}}", 'x: "{{a}}"', [{"x": "{{a}}", "y": 1}], id="within an element"),
        pytest.param("x: [1, {{a}}, 2]", "{{a}}", '"{{a}}"', {"x": [1, "{{a}}", 2]}, id="element of a flow list"),
        pytest.param("x: {a: {{x}}/b}", "a: {{x}}/b", 'a: "{{x}}/b"', {"x": {"a": "{{x}}/b"}}, id="more behind it"),
        pytest.param("{a: {{b}}}", "a: {{b}}", 'a: "{{b}}"', {"a": "{{b}}"}, id="last of a flow mapping"),
        pytest.param(
            "{a: {{b}}\n}", "a: {{b}}", 'a: "{{b}}"', {"a": "{{b}}"}, id="last of a flow mapping of two lines"
        ),
        pytest.param('{"a":{{b}}}', '"a":{{b}}', '"a":"{{b}}"', {"a": "{{b}}"}, id="as JSON writes keys"),
        pytest.param(
            "n: {url: {{a}}-{{b}}, y: 1}",
            "url: {{a}}-{{b}}",
            'url: "{{a}}-{{b}}"',
            {"n": {"url": "{{a}}-{{b}}", "y": 1}},
            id="two in one text",
        ),
        pytest.param(
            "{a: {{b}}, c: {{d}}}\ne: f", "a: {{b}}", 'a: "{{b}}"', 'c: "{{d}}"', id="two texts: one after the other"
        ),
        pytest.param(
            '{a: {{x | default("}}")}}}',
            'a: {{x | default("}}")}}',
            "a: '{{x | default(\"}}\")}}'",
            {"a": '{{x | default("}}")}}'},
            id="braces in quotes",
        ),
        pytest.param(
            '{a: {{x | default({"b": {"c": 1}})}}, d: 1}',
            'a: {{x | default({"b": {"c": 1}})}}',
            'a: \'{{x | default({"b": {"c": 1}})}}\'',
            {"a": '{{x | default({"b": {"c": 1}})}}', "d": 1},
            id="braces of an argument",
        ),
        pytest.param(
            '[{{x | join(", ")}}, 2]',
            '{{x | join(", ")}}',
            "'{{x | join(\", \")}}'",
            ['{{x | join(", ")}}', 2],
            id="comma in quotes",
        ),
        pytest.param("{{a.k}}: 1", "{{a.k}}:", '"{{a.k}}":', {"{{a.k}}": 1}, id="key"),
        pytest.param(
            "a:\n  {{b}}-c:\n    d: 1", "{{b}}-c:", '"{{b}}-c":', {"a": {"{{b}}-c": {"d": 1}}}, id="key within"
        ),
        pytest.param("- {{a}}: 1", "{{a}}:", '"{{a}}":', [{"{{a}}": 1}], id="key in an element"),
        pytest.param("x: { {{a}}: 1}", "{{a}}:", '"{{a}}":', {"x": {"{{a}}": 1}}, id="key in a flow mapping"),
        pytest.param("a\u2028: {{b}}\u2028", "{{b}}\u2028", '"{{b}}\u2028"', {"a\u2028": "{{b}}\u2028"}, id="U+2028"),
    ],
)
def test_braces_without_quotes(text: str, written: str, sample: str, value: Any) -> None:
    """Following the hint gives the correct value; a string as the value is the next hint."""
    assert refusal_of(text)[0] == f"{BRACES} needs quotes: {sample}"
    followed = text.replace(written, sample)
    if isinstance(value, str):
        assert refusal_of(followed)[0].endswith(f": {value}")
    else:
        assert read(followed) == value


@pytest.mark.parametrize(
    ("text", "written", "sample", "value"),
    [
        pytest.param(
            "n: {component: http_request, url: https://h/{{a}}}",
            "url: https://h/{{a}}",
            'url: "https://h/{{a}}"',
            {"n": {"component": "http_request", "url": "https://h/{{a}}"}},
            id="at the end",
        ),
        pytest.param("{a: b {{c}} d}", "a: b {{c}} d", 'a: "b {{c}} d"', {"a": "b {{c}} d"}, id="in the middle"),
        pytest.param("[it's {{a}}, 1]", "it's {{a}}", '"it\'s {{a}}"', ["it's {{a}}", 1], id="behind an apostrophe"),
        pytest.param("{a{{b}}: 1}", "a{{b}}:", '"a{{b}}":', {"a{{b}}": 1}, id="key"),
        pytest.param("{a: b-{{c}}-{{d}}}", "a: b-{{c}}-{{d}}", 'a: "b-{{c}}-{{d}}"', {"a": "b-{{c}}-{{d}}"}, id="two"),
    ],
)
def test_braces_within_a_text_between_brackets(text: str, written: str, sample: str, value: Any) -> None:
    assert refusal_of(text)[0] == f"{BETWEEN} needs quotes between other brackets: {sample}"
    assert read(text.replace(written, sample)) == value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x: {{a}}\n  b", id="goes on in the next line"),
        pytest.param("{a: {{b}}\n c}", id="goes on in the next line of a flow mapping"),
        pytest.param("x: {a: {{b}}?c=[{{d}}]}", id="brackets behind it"),
        pytest.param("x: {a: {{b}", id="braces that are not closed"),
        pytest.param("x: {a: {{b}}: c}", id="colon within a flow mapping"),
        pytest.param("x: {{{a}}: 1}", id="three braces"),
        pytest.param('x: {a: "b"{{c}}}', id="behind quotes"),
        pytest.param('x: {a: {{b["c}}}', id="quote that is not closed"),
    ],
)
def test_where_the_end_cannot_be_told_there_is_no_sample(text: str) -> None:
    problem = refusal_of(text)[0]
    assert '"' not in problem
    assert problem.endswith(
        ("put quotes around the whole string", "something follows the closing double quote of a string")
    )


def test_braces_that_begin_no_text_need_no_quotes() -> None:
    assert read("x: http://{{a.b}}/") == {"x": "http://{{a.b}}/"}


@pytest.mark.parametrize(
    ("sign", "text", "reason"),
    [
        ("*", "*/5 * * * *", "aliases are not allowed; "),
        ("*", "*b", "aliases are not allowed; "),
        ("*", "*", "aliases are not allowed; "),
        ("!", "!foo", "tags are not allowed; "),
        ("!", "!!str 1", "tags are not allowed; "),
        ("!", "! 1", "tags are not allowed; "),
        ("!", "!<x", "tags are not allowed; "),
        *[("@", text, "") for text in ("@daily", "@", "@a: b")],
        ("%", "%a", ""),
        ("`", "`a", ""),
        ("&", "&/a", ""),
        ("|", "| a", ""),
        (">", "> 5", ""),
        ("-", "- b", ""),
        (",", ",x", ""),
        ("]", "]", ""),
        ("}", "}", ""),
    ],
)
def test_a_text_that_begins_with_a_sign_of_yaml(sign: str, text: str, reason: str) -> None:
    problem = f"{reason}a string that begins with {sign} needs quotes: "
    assert refusal_of(f"a:\n  cron: {text}\nb: 1") == (f'{problem}cron: "{text}"', 2, 9)
    assert read(f'a:\n  cron: "{text}"\nb: 1') == {"a": {"cron": text}, "b": 1}
    if sign not in "-,]}" and ": " not in text:
        assert refusal_of(f"a: {{cron: {text}}}") == (f'{problem}cron: "{text}"', 1, 11)
    if sign not in "-,]}&|>" and ": " not in text:
        assert refusal_of(f"a: 1\n{text}: 2")[0].startswith(problem)


@pytest.mark.parametrize(
    ("text", "problem", "value"),
    [
        pytest.param(
            'a: "{{x | default("y")}}"',
            "double quotes ends at the next one: use single quotes outside: a: '{{x | default(\"y\")}}'",
            {"a": '{{x | default("y")}}'},
            id="template",
        ),
        pytest.param(
            'a: "{{x | default("")}}"',
            "double quotes ends at the next one: use single quotes outside: a: '{{x | default(\"\")}}'",
            {"a": '{{x | default("")}}'},
            id="template with nothing in quotes",
        ),
        pytest.param(
            'n: {a: "{{x["y, z"]}}", b: 1}',
            "double quotes ends at the next one: use single quotes outside: a: '{{x[\"y, z\"]}}'",
            {"n": {"a": '{{x["y, z"]}}', "b": 1}},
            id="in a flow mapping",
        ),
        pytest.param(
            '- "it\'s {{x["y"]}}" # z',
            "double quotes ends at the next one: use single quotes outside: 'it''s {{x[\"y\"]}}'",
            ['it\'s {{x["y"]}}'],
            id="with an apostrophe",
        ),
        pytest.param(
            'a: "say "hi" there"',
            "double quotes ends at the next one: use single quotes outside: a: 'say \"hi\" there'",
            {"a": 'say "hi" there'},
            id="text",
        ),
        pytest.param(
            "a: 'it's'",
            'single quotes ends at the next one: use double quotes outside: a: "it\'s"',
            {"a": "it's"},
            id="apostrophe",
        ),
        pytest.param(
            "a: '{{x['y']}}'",
            "single quotes ends at the next one: use double quotes outside: a: \"{{x['y']}}\"",
            {"a": "{{x['y']}}"},
            id="single quotes of a template",
        ),
    ],
)
def test_quotes_within_the_same_quotes(text: str, problem: str, value: Any) -> None:
    found = refusal_of(text)[0]
    assert found == f"a string in {problem}"
    key, _, sample = text.partition('"' if "double quotes ends" in problem else "'")
    written = sample[: sample.rindex("'" if "single quotes ends" in problem else '"')]
    quote = text[len(key)]
    corrected = problem.partition(" outside: ")[2].removeprefix("a: ")
    assert read(text.replace(f"{quote}{written}{quote}", corrected)) == value


@pytest.mark.parametrize(
    ("text", "problem", "place"),
    [
        pytest.param('a: "x" y', "something follows the closing double quote of a string", (1, 7), id="word behind"),
        pytest.param('["a" "b"]', "something follows the closing double quote of a string", (1, 5), id="no comma"),
        pytest.param('a: "b\nc: "d"', "something follows the closing double quote of a string", (2, 5), id="two lines"),
        pytest.param('a: "\\n"b"', "something follows the closing double quote of a string", (1, 8), id="escape"),
        pytest.param("a: x: y", 'a string that contains `: ` needs quotes: a: "x: y"', (1, 5), id="colon in a value"),
        pytest.param("a: 1\n b: 2", "mapping values are not allowed here", (2, 3), id="indentation"),
        pytest.param(
            "a: 1\n*b",
            "aliases are not allowed; a string that begins with * needs quotes: put quotes around the whole string",
            (2, 1),
            id="quotes alone would not help",
        ),
    ],
)
def test_other_mistakes_with_quotes(text: str, problem: str, place: tuple[int, int]) -> None:
    assert refusal_of(text) == (problem, *place)


def test_finding_the_right_quotes_takes_no_long_time() -> None:
    problem = f"{BRACES} needs quotes: put quotes around the whole string"
    assert refusal_of("{a: " + "{{b}} " * 40_000 + "}\n")[0] == problem
    assert (
        refusal_of("\n".join(f"k{i}: {{{{a}}}}" for i in range(5_000)))[0] == f'{BRACES} needs quotes: k0: "{{{{a}}}}"'
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("\ufeffa: 1", {"a": 1}, id="byte order mark"),
        pytest.param("\ufeff# comment\na: 1", {"a": 1}, id="byte order mark before a comment"),
        pytest.param("a: 1\r\nb:\r\n  - x\r\n", {"a": 1, "b": ["x"]}, id="CRLF"),
        pytest.param("a: |\r\n  x\r\n  y\r\n", {"a": "x\ny\n"}, id="CRLF in a block"),
        pytest.param("a: 1\rb: 2", {"a": 1, "b": 2}, id="CR alone"),
        pytest.param("a:\t1", {"a": 1}, id="tab behind a colon"),
        pytest.param("a:\t12:30\t# x", {"a": "12:30"}, id="tab before a comment"),
        pytest.param("-\ta\n-\tb", ["a", "b"], id="tab behind a hyphen"),
        pytest.param("a: b\tc", {"a": "b\tc"}, id="tab within a text"),
        pytest.param("a: b\t\nc: d", {"a": "b", "c": "d"}, id="tab at the end"),
        pytest.param("a: b\n \tc", {"a": "b c"}, id="tab before the second line of a text"),
        pytest.param("a: 1\n\t\nb: 2", {"a": 1, "b": 2}, id="tab in an empty line"),
        pytest.param("a: 1\n\t# x\nb: 2", {"a": 1, "b": 2}, id="tab before a comment on its own line"),
        pytest.param("a: [\n\t1,\n\t2\n\t]", {"a": [1, 2]}, id="tabs in a flow list"),
        pytest.param("a: | \t# x\n  \tb\n", {"a": "\tb\n"}, id="tabs of a block"),
        pytest.param("{a: http://x/?b=c&d}", {"a": "http://x/?b=c&d"}, id="question mark in a flow mapping"),
        pytest.param("[?x, a?]", ["?x", "a?"], id="question marks in a flow list"),
        pytest.param("a: b\u2028c\x85d\u2029", {"a": "b\u2028c\x85d\u2029"}, id="line breaks of YAML 1.1"),
        pytest.param('a: "b\u2028 c"', {"a": "b\u2028 c"}, id="line breaks of YAML 1.1 in quotes"),
        pytest.param("a\u2028: 1", {"a\u2028": 1}, id="line break of YAML 1.1 in a key"),
        pytest.param("\ue000\u2028", "\ue000\u2028", id="line break of YAML 1.1 beside a private character"),
        pytest.param("%YAML 1.2\n---\na: NO", {"a": "NO"}, id="directive"),
        pytest.param("", None, id="empty"),
        pytest.param("# only a comment", None, id="comment"),
        pytest.param("plain", "plain", id="a text alone"),
        pytest.param("a: &anchor 1", {"a": 1}, id="an anchor that nobody uses"),
        pytest.param("a:\n- 1\n- - 2\n  - b: 3", {"a": [1, [2, {"b": 3}]]}, id="lists in lists"),
    ],
)
def test_a_text_in_its_forms(text: str, expected: Any) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(("depth", "is_read"), [(MAX_YAML_DEPTH - 1, True), (MAX_YAML_DEPTH, False)])
def test_the_depth_has_a_limit(depth: int, is_read: bool) -> None:
    text = "[" * depth + "]" * depth
    if is_read:
        assert read(text) == json.loads(text)
    else:
        assert refusal_of(text)[0] == "it is nested more than 64 levels deep"


@pytest.mark.parametrize("text", ['{"a": 1e3}', ' {"a": 1000.0}', "{a: 1e3}", "a: 1e3"])
def test_json_and_yaml_give_the_same(text: str) -> None:
    assert parse_json_or_yaml(text) == {"a": 1000.0}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4),
    max_leaves=20,
)


@given(JSON)
@example(["1e3", "0o17", "12:30", "NO", "1_000", "2026-11-01", "<<", "=", "", "~", "-1E5", {"1": {}}, "a\x85b\u2028"])
def test_what_is_rendered_is_read_back(value: Any) -> None:
    written = render_yaml(value)
    assert typed(read(written)) == typed(value)
    assert yaml.safe_load(written) == value


@given(JSON)
def test_json_is_yaml(value: Any) -> None:
    assert read(json.dumps(value)) == value


PIECES = [
    "a",
    "b: ",
    "- ",
    " ",
    "\n",
    "\n  ",
    ": ",
    "#",
    " # c",
    "'x'",
    '"y z"',
    "[",
    "]",
    "{a",
    "}",
    ", ",
    "|-\n",
    "> ",
    "e#f",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_the_structure_is_what_pyyaml_finds(text: str) -> None:
    """For input that both accept. They differ in tabs, line breaks and question marks, which are not among the
    pieces.
    """
    try:
        expected = yaml.compose(text, yaml.BaseLoader)
        found = parse_yaml(text).root
    except (yaml.YAMLError, YamlTextError):
        return
    assert strings_of(found) == strings_of(expected)


def strings_of(node: yaml.Node | None) -> Any:
    if isinstance(node, yaml.MappingNode):
        return [(strings_of(key), strings_of(value)) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [strings_of(item) for item in node.value]
    return node and (node.value, node.start_mark.line, node.start_mark.column)


SIGNS = [
    "{{",
    "}}",
    "{{a}}",
    "a",
    "k: ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    '"',
    "'",
    "*",
    "@",
    "!",
    "%",
    "|",
    "\n",
    "\n  ",
    " #",
    "\t",
]


@given(st.lists(st.sampled_from(SIGNS), max_size=16).map("".join))
def test_a_text_is_read_or_refused_at_its_place(text: str) -> None:
    place: tuple[int | None, int | None] = (1, 1)
    try:
        parse_yaml(text)
    except YamlTextError as error:
        place = error.line, error.column
    assert None not in place


@pytest.mark.parametrize(
    ("text", "expected", "place"),
    [
        pytest.param(
            "a: 1" + "\n" * (MAX_YAML_LINES + 1), f"it has more than {MAX_YAML_LINES:,} lines", True, id="empty lines"
        ),
        pytest.param("#\r" * 20_001, f"it has more than {MAX_YAML_LINES:,} lines", True, id="comments"),
        pytest.param("a: |\n" + " x\r\n" * 20_001, f"it has more than {MAX_YAML_LINES:,} lines", True, id="a text"),
        pytest.param(
            "a: 1\n" + "...\n" * 101,
            "it has more than 100 directives and document markers",
            False,
            id="ends of documents",
        ),
        pytest.param(
            "%A B\n" * 101 + "---\n1", "it has more than 100 directives and document markers", False, id="directives"
        ),
        pytest.param("[" * 70, "it is nested more than 64 levels deep", False, id="brackets"),
        pytest.param("[" + "1," * 50_001 + "]", "it has more than 50,000 values", False, id="values"),
    ],
)
def test_what_is_read_without_a_step_has_a_limit(text: str, expected: str, place: bool) -> None:
    with pytest.raises(YamlTextError) as refused:
        parse_yaml(text)
    assert refused.value.problem == expected
    if place:
        assert (refused.value.line, refused.value.column) == (MAX_YAML_LINES + 1, 1)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=repr)
def test_as_many_lines_as_are_allowed_are_read(end: str) -> None:
    assert parse_yaml(f"a: 1{end}" + end * (MAX_YAML_LINES - 2) + f"b: 2{end}").value == {"a": 1, "b": 2}


QUOTED_PIECES = ("x", "y z", " ", "  ", "\t", "''", '"', "'", "\n", "\n\n", "\r\n", "#", ": ", "é", "---", "\n--- ")
ESCAPES = ("\\n", "\\\\", "\\x41", "\\u00e9", "\\U0001F600", "\\/", "\\ ", "\\\t", "\\\n", "\\q", "\\x4")
IN_QUOTES = st.lists(st.sampled_from(QUOTED_PIECES + ESCAPES), max_size=8).map("".join)


def read_by_pyyaml(text: str) -> Any:
    """PyYAML's value; None if it refuses the input. It refuses a tab within plain text, which YAML allows."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        assume("'\\t' that cannot start any token" not in str(error))
        return None


@given(IN_QUOTES, st.sampled_from("'\""))
def test_quotes_are_read_as_pyyaml_reads_them(inner: str, quote: str) -> None:
    """We read a line at once, PyYAML character by character."""
    text = f"[{quote}{inner}{quote}]"
    expected = read_by_pyyaml(text)
    try:
        assert parse_yaml(text).value == expected
    except YamlTextError:
        assert expected is None or not all(isinstance(item, str) for item in expected)


IN_BLOCK = st.lists(st.sampled_from(("x", " x", "  x y", "", " ", "   ", "\tx", "#", "\n", "x  ")), max_size=10)


@given(IN_BLOCK, st.sampled_from(("|", ">", "|-", ">+", "|2", ">1-")), st.sampled_from(("\n", "\r\n")))
def test_blocks_are_read_as_pyyaml_reads_them(lines: list[str], style: str, end: str) -> None:
    text = f"a: {style}{end}" + "".join(f"  {line}{end}" if line.strip() else line + end for line in lines) + "b: 1"
    expected = read_by_pyyaml(text)
    try:
        assert parse_yaml(text).value == expected
    except YamlTextError:
        assert expected is None


def test_the_steps_follow_what_is_read() -> None:
    """A value's steps depend on its size."""
    short = sum(steps_of("- x\n" * 100))
    assert sum(steps_of("- x\n" * 200)) == pytest.approx(2 * short, rel=0.1)
    assert sum(steps_of("- |\n" + " x\n" * 5_000 + "- y\n")) > 5_000
    assert sum(steps_of(f"- {'x ' * 50_000}\n- y\n")) > 3_000


def steps_of(text: str) -> list[int]:
    return list(parse_yaml_in_steps(text))
