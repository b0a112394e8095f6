"""Searches for requests that block the isolate or exhaust its memory: any mix of values, templates, conditions, loops.

ARCRUN_SEARCH=50 pytest tests/workerd/bounds/test_bounds_search.py searches for longer.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from fakes.ports.searches import TIMES, examples
from workerd.held import Held, Watch
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = [pytest.mark.workerd, pytest.mark.quiet]

EXAMPLES = examples(12)
MOST_HELD_MS, MOST_GROWN_MIB = 250, 50

SIZES = st.sampled_from((1, 30, 1_000, 10_000, 60_000, 200_000, 390_000))
RECORD = {"name": "n", "tags": ["x", "y"]}
FACE = "\N{GRINNING FACE}"
ELEMENTS: st.SearchStrategy[Any] = st.sampled_from(
    (0, 1.5, 123456789, True, None, "", "text", f"é{FACE}", [], {}, [[]], {"a": 1}, RECORD)
)
SAMPLES = st.sampled_from(("x", "é", "a,b ", '"\\', FACE, "%41", "[1,"))
VALUES = st.tuples(st.just("list"), ELEMENTS, SIZES) | st.tuples(st.just("text"), SAMPLES, SIZES)
VALUES |= st.tuples(st.just("object"), ELEMENTS, SIZES)


def make(kind: str, sample: Any, size: int) -> Any:
    """Build the value from the parts that were drawn, which have a short repr."""
    if kind == "text":
        return (sample * size)[:3_900_000]
    return [sample] * size if kind == "list" else {f"k{i}": sample for i in range(min(size, 60_000))}


FILTERS = (
    *"upper lower trim length first last reverse sort unique flatten sum min max keys values string json".split(),
    *"parse_json base64 base64_decode url_encode url_decode html_escape abs int number date join".split(),
    *('replace("a", "aaaa")', 'split(",")', 'split("a")', 'join(",")', "slice(1)", 'map("name")', 'map("a.b[0]")'),
    *('sort("name")', "truncate(10)", "default([])", 'default("x")', "add(1)", "round(2)"),
)
REFERENCES = st.builds(
    lambda path, filters: "{{" + " | ".join([path, *filters]) + "}}",
    st.sampled_from(("input", "input.value", "input.value[0]", "input.other?")),
    st.lists(st.sampled_from(FILTERS), max_size=6),
)
TEMPLATES = st.builds(
    lambda parts, times: parts[0] if len(parts) == 1 and times == 1 else ["".join(parts)] * times,
    st.lists(REFERENCES | st.just("text"), min_size=1, max_size=4),
    st.sampled_from((1, 2, 50, 700)),
)
INNER = st.recursive(
    st.sampled_from(
        ("@", "input.value", "input.value[]", "input.other", "`1`", "'x'", "input.value[*].name", "input.value[0]")
    ),
    lambda part: st.one_of(
        st.builds("[{0},{0}][]".format, part),
        st.builds("({0}) | [@,@]".format, part),
        st.builds("({0})[?@ == `1`]".format, part),
        st.builds("sort({0})".format, part),
        st.builds("length({0})".format, part),
        st.builds("to_string({0})".format, part),
        st.builds("join(',', ({0})[].to_string(@))".format, part),
        st.builds("({0}) == ({1})".format, part, part),
        st.builds("({0}) | ({1})".format, part, part),
        st.builds("map(&[@,@], {0})".format, part),
        st.builds("reverse({0})".format, part),
        st.builds("({0})[::2]".format, part),
    ),
    max_leaves=12,
)


class Workflow(dict[str, Any]):
    """A workflow whose repr is truncated, since values may be repeated a thousand times."""

    def __repr__(self) -> str:
        return super().__repr__()[:3_000]


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    flow, config = [], {}
    for i in range(draw(st.sampled_from((1, 1, 2, 5, 40)))):
        kind = draw(st.sampled_from(("PIPE", "IF", "FOREACH", "FOREACH")))
        relation = {
            "PIPE": "PIPE",
            "IF": f"IF({draw(INNER)})",
            "FOREACH": f"FOREACH x{i} IN input.value",
        }[kind]
        flow.append(f"input >> {relation} >> n{i}")
        config[f"n{i}"] = {"component": "set", "values": {"x": draw(TEMPLATES)}}
        if kind == "FOREACH":
            config["input"] = {"foreach": {"concurrency": draw(st.sampled_from((1, 16, 64)))}}
    return Workflow(name="w", flow=flow, config=config, concurrency=64)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    folder: Path = tmp_path_factory.mktemp("search")
    with running_platform(folder, "--production-clock") as running:
        yield running


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=TIMES == 1,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(workflows(), VALUES)
def test_no_request_holds_or_fills_the_isolate(
    platform: LocalPlatform, workflow: dict[str, Any], drawn: tuple[str, Any, int]
) -> None:
    value = make(*drawn)

    def work() -> None:
        with platform.executor as client:
            answer = client.post(
                "/execute", params={"timeout_ms": "2000"}, json={"workflow": workflow, "input": {"value": value}}
            )
            event(str(answer.json().get("error", {}).get("code")))
            assert answer.status_code < 500 or answer.json()["error"]["code"] == "RUN_TIMEOUT", answer.text[:500]

    watch, rounds = Watch(platform.urls["executor"], platform.process.pid), list[Held]()
    for _ in range(3):  # at least one is not disturbed by other work on the machine or the garbage collector
        rounds.append(watch.during(work))
        if rounds[-1].longest_ms <= MOST_HELD_MS and rounds[-1].grown_mib <= MOST_GROWN_MIB:
            return
    raise AssertionError(rounds)
