"""Run by benchmarks/work.mjs in Pyodide: prints {"name", "unit", "us"} for each piece of a run's work."""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from arcrun.json_text import parse_json
from arcrun.limits import MAX_EXPRESSION_STEPS
from arcrun.templates.bounded_jmespath import BoundedInterpreter
from arcrun.templates.expressions import compile_expression
from arcrun.templates.rendering import Rendering
from arcrun.templates.template import compile_value

REPEATS = 25
RECORDS = [{"id": i, "name": f"record {i}", "amount": i * 1.5, "tags": ["a", "b"]} for i in range(3_000)]


def measure(name: str, unit: str, count: float, work: Callable[[], object]) -> None:
    """Print the microseconds per unit, of the `count` units that `work` does: the minimum of several tries."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    print(json.dumps({"name": name, "unit": unit, "us": round(min(times) * 1e6 / count, 2)}))


def evaluate(source: str, scope: dict[str, Any]) -> tuple[int, Callable[[], object]]:
    """The number of an expression's steps, and a function that evaluates it."""
    parsed = compile_expression(source).parsed.parsed
    counting = BoundedInterpreter(MAX_EXPRESSION_STEPS)
    counting.visit(parsed, scope)
    return MAX_EXPRESSION_STEPS - counting.steps_left, lambda: BoundedInterpreter(MAX_EXPRESSION_STEPS).visit(
        parsed, scope
    )


text = json.dumps(RECORDS)
kib = len(text) / 1024
template = compile_value({"items": "{{a.data.items}}", "text": "{{a.data.items}} in a text"})
scope = {"a": {"data": {"items": RECORDS[:500]}}}
rendered = len(json.dumps(template.resolve(scope))) / 1024
measure("json_read", "KiB", kib, lambda: parse_json(text))
measure("json_written", "KiB", kib, lambda: json.dumps(RECORDS))
measure("template_rendered", "KiB", rendered, lambda: json.dumps(template.resolve(scope)))
for source in ("length(a.data.items[?amount > `10`]) > `3`", "a.data.items[*].[id, name, amount] | [0]"):
    steps, work = evaluate(source, scope)
    measure(f"expression {source}", "step", steps, work)

condition = "length(a.data.items[?amount > `10` && contains(tags, 'a')]) > `3` || a.data.total == b.data.x"
conditions = [f"{condition} || a.n{i}" for i in range(200)]  # jmespath remembers some
measure("expression_compiled", "character", sum(map(len, conditions)), lambda: [*map(compile_expression, conditions)])
texts = [f'Order {{{{a.data.items[{i}].name}}}} for {{{{input.name | upper | default("x")}}}}' for i in range(200)]
measure("template_compiled", "character", sum(map(len, texts)), lambda: compile_value(texts))

MANY: dict[str, Any] = {
    "numbers": list(range(20_000)),
    "records": RECORDS,
    "lists": [[i, i + 1] for i in range(6_000)],
    "texts": [str(i) for i in range(20_000)],
    "text": "a b, " * 40_000,
    "json": json.dumps(RECORDS[:1_000]),
}


def render_filter(source: str) -> Rendering:
    counted = Rendering()
    compile_value(f"{{{{input.{source}}}}}").render({"input": MANY}, counted)
    return counted


for source in (
    "numbers | unique",
    "records | unique",
    "lists | unique",
    "texts | unique",
    "numbers | sort",
    'records | map("name")',
    "texts | join",
    "numbers | sum",
    "records | json",
    "json | parse_json",
    "text | upper",
    'text | split(",")',
    "text | url_encode",
):
    measure(f"filter {source}", "step", render_filter(source).steps, partial(render_filter, source))
