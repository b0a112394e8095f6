"""Heavy requests, modelled on those that once stalled an isolate or exhausted its memory.

Each has a name, a workflow, its input, and its error code, None if it succeeds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from arcrun.limits import MAX_ELEMENTS, MAX_NODES, MAX_SOURCE_CHARACTERS, MAX_YAML_LINES, MIB

QUARTER = MIB // 4
PIPE = ["input >> PIPE >> a", "a >> PIPE >> output"]
INVALID = "INVALID_WORKFLOW"
SECRETS = {f"s{i:02}": f'-"s{i:02}-{i * 7919 % 1000:03}_{chr(97 + i % 26)}{i}k' for i in range(50)}
LOOP = ["input >> FOREACH x IN input.items >> a"]


@dataclass(frozen=True)
class HeavyRequest:
    name: str
    workflow: Any
    input: Any
    code: str | None = None
    query: dict[str, str] = field(default_factory=dict)


def heavy_requests() -> Iterator[HeavyRequest]:
    yield from _expressions()
    yield from _loops()
    yield from _values()
    yield from _filters()
    yield from _sources()
    yield from _secrets()


def _expressions() -> Iterator[HeavyRequest]:
    doubled = f"input >> IF({'[@,@][] | ' * 24}@) >> a"
    yield HeavyRequest("doubled lists", _workflow([doubled], a=_set(1)), {}, "EXPRESSION_TOO_COSTLY")
    sorting = _workflow(
        ["input >> IF([input.a,input.b] | [@,@,@,@,@,@,@,@][] | [@,@,@,@,@,@,@,@][] | sort(@)) >> a"], a=_set(1)
    )
    texts = {"a": "y" * 1_000_000 + "1", "b": "y" * 1_000_000 + "2"}
    yield HeavyRequest("sorting long texts", sorting, texts, "EXPRESSION_TOO_COSTLY")
    joined = _workflow(["input >> IF(join(input.glue, input.list)) >> a"], a=_set(1))
    yield HeavyRequest("long glue", joined, {"glue": "x" * 1_000_000, "list": [""] * 101}, "EXPRESSION_TOO_COSTLY")
    conditions = [f"input >> IF(length(input.list[?@ == `{i}`]) > `0`) >> n{i}" for i in range(100)]
    nodes = {f"n{i}": _set(1) for i in range(100)}
    yield HeavyRequest("a hundred conditions", _workflow(conditions, **nodes), {"list": list(range(8_000))})


def _loops() -> Iterator[HeavyRequest]:
    each = _workflow(LOOP, a=_set("{{x}}"))
    items = list(range(MAX_ELEMENTS))
    yield HeavyRequest("60,000 elements", each, {"items": list(range(60_000))}, "TOO_MANY_ITEMS")
    yield HeavyRequest("a loop that has a second", each, {"items": items}, "RUN_TIMEOUT", {"timeout_ms": "1000"})
    at_once = _workflow(LOOP, a=_set("{{x}}"), input={"foreach": {"concurrency": 64}}) | {"concurrency": 64}
    yield HeavyRequest("64 elements at once", at_once, {"items": items[:2_000]})
    inner = ["input >> FOREACH x IN input.items >> p", "p >> FOREACH y IN input.items >> q"]
    nested = _workflow(inner, p=_set(1), q=_set("{{y}}"))
    yield HeavyRequest("loops in loops", nested, {"items": items}, "RUN_TIMEOUT", {"timeout_ms": "1000"})
    numbers = {"component": "set", "values": {f"k{i}": "{{input.a.b.c.d.e.f}}" for i in range(2_900)}}
    wide = _workflow(LOOP, a=numbers, input={"foreach": {"concurrency": 64}}) | {"concurrency": 64}
    path = {"items": list(range(60)), "a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}
    yield HeavyRequest("2,900 numbers for each of 60", wide, path)
    slow = {"allOf": [{"pattern": "(a?){90}b"}, {"pattern": "(a?){89}b"}]}
    check = {"component": "validate_json", "value": "{{input.text}}", "schema": slow}
    going_on = {"foreach": {"concurrency": 64, "on_error": "continue"}}
    checking = _workflow(LOOP, a=check, input=going_on) | {"concurrency": 64}
    yield HeavyRequest("64 calls that take all they may", checking, {"items": items[:64], "text": "a" * 15_000})
    deep = [*inner, "q >> FOREACH z IN input.items >> r"]
    each_at_once = {"input": going_on, "p": _set(1) | going_on, "q": _set(1) | going_on, "r": _set("{{z}}")}
    three = _workflow(deep, **each_at_once) | {"concurrency": 64}
    yield HeavyRequest("64 in 64 in 64", three, {"items": items[:500]}, "RUN_TIMEOUT", {"timeout_ms": "1000"})
    failing = _workflow(LOOP, a=_set("{{x.nope}}"), input=going_on) | {"concurrency": 64}
    yield HeavyRequest("2,000 elements that fail", failing, {"items": [{"a": "x" * 300}] * 2_000})
    wanting = _workflow(LOOP, a=_set("{{input.nope}}"), input=going_on) | {"concurrency": 64}
    fields = {f"k{i}": 1 for i in range(150_000)}
    yield HeavyRequest("a field that 150,000 are not", wanting, {**fields, "items": items[:200]})
    nothing = [LOOP[0], *(f"a >> FOREACH y{i} IN input.none >> b{i}" for i in range(90))]
    empty = _workflow(nothing, a=_set(1), input=going_on, **{f"b{i}": _set(1) for i in range(90)})
    given = {"items": items[:500], "none": []}
    yield HeavyRequest("90 loops of nothing for each", empty, given, "RUN_TIMEOUT", {"timeout_ms": "1000"})
    making = _workflow(LOOP, a=_set("{{x}}{{input.text}}"), input={"foreach": {"concurrency": 64}})
    filling = {"items": items[:64], "text": "x" * 3 * MIB}
    yield HeavyRequest("64 large texts at once", making | {"concurrency": 64}, filling, "RUN_TOO_LARGE")


def _values() -> Iterator[HeavyRequest]:
    whole = _workflow(PIPE, a=_set("{{input.value}}"))
    megabyte = {"value": "x" * MIB}
    yield HeavyRequest(
        "200 references", _workflow(PIPE, a=_set(["{{input.value}}"] * 200)), megabyte, "INPUT_TOO_LARGE"
    )
    yield HeavyRequest("three references", _workflow(PIPE, a=_set(["{{input.value}}"] * 3)), megabyte)
    yield HeavyRequest("a text of 4 MiB", whole, {"value": "x" * (4 * MIB - 400)})
    yield HeavyRequest("40,000 records", whole, {"value": _records(40_000)})
    yield HeavyRequest("200,000 fractions", whole, {"value": [i * 1.1 for i in range(200_000)]})
    yield HeavyRequest("200,000 lists", whole, {"value": [[]] * 199_000})
    yield HeavyRequest("a million numbers", whole, {"value": [0] * 1_000_000}, "INVALID_JSON")
    names = [f"n{i}" for i in range(200)]
    chain = [f"{before} >> PIPE >> {name}" for before, name in zip(["input", *names], names, strict=False)]
    nodes = {name: _set("{{input.value}}") for name in names}
    yield HeavyRequest("200 nodes with 50 KB each", _workflow(chain, **nodes), {"value": "x" * 50_000})


def _filters() -> Iterator[HeavyRequest]:
    for name, filters, value, code in (
        ("texts", "upper | lower | trim | length", "x" * 500_000, None),
        ("texts again and again", " | ".join(["upper"] * 16), "x" * MIB, "TEMPLATE_TOO_COSTLY"),
        ("sorting", 'sort("name") | length', _records(40_000), None),
        ("JSON", "json | length", _records(5_000), None),
        ("all values once", "unique | length", _records(9_000), None),
        ("numbers of one hash", "unique | length", [k * (2**31 - 1) for k in range(1, 20_001)], None),
        ("a fraction in 118 lists", "json | length", _nested([0.5, *[1] * 40_000], 118), None),
        ("codes", "url_encode | length", "é" * 300_000, None),
    ):
        yield HeavyRequest(
            f"filters: {name}", _workflow(PIPE, a=_set(f"{{{{input.value | {filters}}}}}")), {"value": value}, code
        )


def _sources() -> Iterator[HeavyRequest]:
    wide = [f"input >> PIPE >> n{i}" for i in range(MAX_NODES)]
    nodes = {f"n{i}": _set("{{input.value}}") for i in range(MAX_NODES)}
    yield HeavyRequest("500 nodes side by side", _workflow(wide, **nodes), {"value": 1})
    yield HeavyRequest(
        "4,500 lines", _workflow([f"a{i} >> NOPE >> b{i}" for i in range(4_500)]), {}, "INVALID_WORKFLOW"
    )
    conditions = [f"input >> IF({'input.a || ' * 40}input.b{i}) >> n{i}" for i in range(240)]
    some = {f"n{i}": _set(1) for i in range(240)}
    yield HeavyRequest("240 conditions of one node", _workflow(conditions, **some), {})
    yield HeavyRequest(
        "a path of 100,000 steps", _workflow(PIPE, a=_set(f"{{{{input{'.a' * 100_000}}}}}")), {}, INVALID
    )
    control = {"component": "if_control", "condition": "a == 1 or " * 900 + "a == 2", "input": {"a": 1}}
    controls = [f"n{i}" for i in range(25)]
    side_by_side = [f"input >> PIPE >> {name}" for name in controls]
    yield HeavyRequest("25 long conditions", _workflow(side_by_side, **dict.fromkeys(controls, control)), {})
    strange = {f"n{i}": {"component": f"strinf_{i}"} for i in range(480)}
    yield HeavyRequest(
        "480 strange components", _workflow([f"input >> PIPE >> {name}" for name in strange], **strange), {}, INVALID
    )
    yield HeavyRequest("a line of 250,000", _workflow([f"input >> IF({'é ' * 125_000}) >> a"]), {}, INVALID)
    yield HeavyRequest("3,000 templates", _workflow(PIPE, a=_set(["{{input.value}}"] * 2_900)), {"value": 1})
    line = '  - "a >> PIPE >> b"\n'
    text = "name: w\nflow:\n" + line * ((MAX_SOURCE_CHARACTERS - 100) // len(line))
    yield HeavyRequest("256 KiB of YAML", text, {}, "INVALID_WORKFLOW")
    yield HeavyRequest("empty lines of YAML", "name: w\n" + "\n" * 260_000, {}, "INVALID_WORKFLOW")
    lines = " x\n" * (MAX_YAML_LINES - 100)
    for name, scalar in (("a folded text", f">\n{lines}"), ("words", "x " * 130_000), ("quotes", f'"{lines}"')):
        source = (
            f'name: w\nflow: ["input >> PIPE >> a"]\nconfig: {{a: {{component: set, values: {{x: 1}}}}}}\nd: {scalar}'
        )
        yield HeavyRequest(f"YAML: {name}", source, {}, "INVALID_WORKFLOW")


def _secrets() -> Iterator[HeavyRequest]:
    """Two nodes: one reads the secrets, the other's answer is searched for them."""
    values = {name: f"{{{{credential.{name}}}}}" for name in SECRETS}
    flow = ["input >> PIPE >> a", "a >> PIPE >> b"]
    answering = _workflow(flow, a={"component": "set", "values": values}, b=_set("{{input.value}}"))
    every, near = "".join(SECRETS.values()), "".join(secret[:-1] for secret in SECRETS.values())
    escapes = "%25%2D&amp;&#45;\\u002d=3D&#115;%61%62"
    for name, value in (
        ("near-misses", every + near * (QUARTER // len(near))),
        ("escapes", every + escapes * (QUARTER // 2 // len(escapes))),
        ("lines", "a\n" * (QUARTER // 2) + every),
        ("texts", [f"{secret}{i}" for i in range(200) for secret in SECRETS.values()]),
    ):
        yield HeavyRequest(f"secrets: {name}", answering, {"value": value})


def _nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def _workflow(flow: list[str], **config: Any) -> dict[str, Any]:
    return {"name": "heavy", "flow": flow, "config": config}


def _set(value: Any) -> dict[str, Any]:
    return {"component": "set", "values": {"x": value}}


def _records(count: int) -> list[dict[str, Any]]:
    return [{"id": i, "name": f"n{i}", "tags": ["a", "b"]} for i in range(count)]
