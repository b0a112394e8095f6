"""The table and the timeline of a run."""

from typing import Any

import pytest

from acr.output.trace import (
    BAR_WIDTH,
    build_bar,
    describe_fuel,
    describe_repeats,
    flatten_trace,
    render_timeline,
    render_trace,
)


def entry(node: str, status: str = "success", **more: Any) -> dict[str, Any]:
    common = {"node": node, "component": "set", "status": status, "attempts": 1, "start_ms": 0.0, "duration_ms": 1.0}
    return {**common, **more}


def loop(success: int = 0, failed: int = 0, skipped: int = 0) -> dict[str, int]:
    return {"success": success, "failed": failed, "skipped": skipped}


INNER = [entry("tidy", start_ms=2.0), entry("badge", "failed", start_ms=3.0, error={"code": "BAD", "message": "[no]"})]
TRACE = [
    entry("each", iterations=loop(success=3), attempts=3, duration_ms=2.0),
    entry("greet", start_ms=2.0, duration_ms=6.0, trace=INNER),
    entry("late", "skipped", attempts=0, start_ms=8.0, duration_ms=0.0),
]
RECORD = {
    "run_id": "01J9ZC3VT0M4XKQW8R2E5H7N6P",
    "workflow": "party",
    "version": 2,
    "trigger": "name",
    "status": "failed",
    "started_at": "2026-01-02T03:04:05.678Z",
    "duration_ms": 8.0,
    "error": {"code": "BAD", "message": "no"},
    "trace": TRACE,
}


@pytest.mark.parametrize(
    ("start_ms", "duration_ms", "total_ms", "bar"),
    [
        pytest.param(0, 100, 100, "████████", id="all of it"),
        pytest.param(0, 50, 100, "████", id="the first half"),
        pytest.param(50, 50, 100, "    ████", id="the second half"),
        pytest.param(50, 0, 100, "    █", id="an instant has a cell"),
        pytest.param(100, 0, 100, "       █", id="so has one at the end"),
        pytest.param(90, 50, 100, "       █", id="never beyond the end"),
        pytest.param(0, 0, 0, "█", id="a run without length"),
    ],
)
def test_a_bar_shows_when_a_node_ran(start_ms: float, duration_ms: float, total_ms: float, bar: str) -> None:
    assert build_bar(start_ms, duration_ms, total_ms, width=8) == bar


@pytest.mark.parametrize(
    ("repeats", "expected"),
    [
        pytest.param({}, "", id="once"),
        pytest.param({"attempts": 0}, "", id="never"),
        pytest.param({"attempts": 3}, "3 attempts", id="retried"),
        pytest.param({"iterations": loop(success=3), "attempts": 3}, "3x", id="a loop"),
        pytest.param({"iterations": loop(success=1), "attempts": 1}, "1x", id="a loop of one"),
        pytest.param({"iterations": loop(), "attempts": 0}, "0x", id="an empty loop"),
        pytest.param({"iterations": loop(2, 1), "attempts": 5}, "3x, 1 failed, 5 attempts", id="a loop with retries"),
        pytest.param({"iterations": loop(1, 0, 2), "attempts": 2}, "3x, 2 skipped, 2 attempts", id="skipped ones too"),
        pytest.param({"rounds": {"count": 4, "trace": []}, "attempts": 4}, "4 rounds", id="rounds"),
        pytest.param({"rounds": {"count": 4, "trace": []}, "attempts": 6}, "4 rounds, 6 attempts", id="with retries"),
    ],
)
def test_repeats_are_shown_if_there_are_any(repeats: dict[str, Any], expected: str) -> None:
    assert describe_repeats(entry("a", **repeats)) == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param({}, "", id="not known"),
        pytest.param({"fuel": 0}, "0", id="none"),
        pytest.param({"fuel": 950}, "950", id="as it is"),
        pytest.param({"fuel": 25_119}, "25.1k", id="thousands"),
        pytest.param({"fuel": 1_260_000}, "1.3M", id="millions"),
        pytest.param({"fuel": 10_000_000_003}, "10.0G", id="all there is"),
    ],
)
def test_fuel_is_shown_to_a_few_digits(known: dict[str, Any], expected: str) -> None:
    assert describe_fuel(entry("a", **known)) == expected


def test_fuel_has_a_column_where_any_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    for trace, titled in (([entry("a", fuel=25_119), entry("b")], True), ([entry("a")], False)):
        render_trace({"run_id": "R", "duration_ms": 8.0, "trace": trace})
        render_timeline({**RECORD, "trace": trace})
        told = capsys.readouterr()
        assert (" fuel " in told.err, "25.1k" in told.err, " fuel " in told.out, "25.1k" in told.out) == (titled,) * 4


def test_rounds_that_are_not_recorded_have_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    kept = [entry("poll", round=number, start_ms=float(number)) for number in (1, 2, 6, 7)]
    trace = [entry("poll", attempts=7, rounds={"count": 7, "trace": kept})]
    names = ["poll", "  round 1", "  round 2", "  rounds 3 to 5, not recorded", "  round 6", "  round 7"]
    assert [name for name, _ in flatten_trace(trace)] == names
    [gap] = [it for name, it in flatten_trace(trace) if "3 to 5" in name]
    assert (gap["start_ms"], gap["duration_ms"], describe_repeats(gap)) == (3.0, 3.0, "3 rounds")
    bare = [entry("poll", rounds={"count": 7, "trace": []})]
    assert [name for name, _ in flatten_trace(bare)] == ["poll", "  rounds 1 to 7, not recorded"]
    render_trace({"run_id": "R", "duration_ms": 8.0, "trace": trace})
    render_timeline({**RECORD, "trace": trace})
    told = capsys.readouterr()
    assert ("3 to 5, not recorded" in told.err, "3 to 5, not recorded" in told.out) == (True, True)


FAILED = {"error": {"code": "X", "message": "It failed."}}


def test_a_sub_workflows_trace_is_indented_below_its_node() -> None:
    assert [name for name, _ in flatten_trace(TRACE)] == ["each", "greet", "  tidy", "  badge", "late"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"undone": "complete", **FAILED}, "What the failed run had done was undone."),
        ({"undone": "partial", **FAILED}, "undone in part: see its undos"),
        ({"undone": "complete"}, "What the failed workflows that it called had done was undone."),
    ],
    ids=["a failed run", "in part", "a run that succeeded"],
)
def test_undos_follow_the_trace_and_their_outcome(
    given: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    undos = {**given, "undos": [entry("book", trace=[entry("cancel")])]}
    render_trace({"run_id": "R", "duration_ms": 8.0, "trace": TRACE, **undos})
    render_timeline({**{key: value for key, value in RECORD.items() if key != "error"}, **undos})
    printed = capsys.readouterr()
    for text in (printed.err, printed.out):
        assert ("undo book" in text, "  cancel" in text, told in text) == (True, True, True)


@pytest.mark.parametrize(
    ("response", "told"),
    [
        ({"status": 204}, "response 204\n"),
        ({"status": 303, "redirect": "https://a.b/"}, 'response 303  redirect "https://a.b/"\n'),
        ({"status": 200, "html": "x" * 70}, f'response 200  html "{"x" * 58}…\n'),
        ({"status": 500, "error": {"code": "BAD", "message": "It is."}}, "response 500\non_failure: BAD: It is.\n"),
    ],
)
def test_what_the_webhook_answers_follows(response: Any, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    render_trace({"run_id": "R", "duration_ms": 8.0, "trace": TRACE, "response": response})
    render_timeline({**RECORD, "response": response})
    printed = capsys.readouterr()
    assert (told in printed.err, told in printed.out) == (True, True)


def test_the_table_has_a_column_of_repeats_only_if_there_are_any(capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"run_id": "R", "duration_ms": 8.0, "trace": TRACE}
    render_trace(answer)
    render_trace({**answer, "trace": INNER})
    told = capsys.readouterr()
    assert told.out == ""
    with_loop, without = told.err.split("run R took 8.0 ms")[:2]
    assert ("3x" in with_loop, "runs" in with_loop.splitlines()[0]) == (True, True)
    assert "runs" not in without


def test_the_timeline_shows_each_node_with_its_bar_and_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    render_timeline(RECORD)
    lines = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in lines[:3]] == [
        "run 01J9ZC3VT0M4XKQW8R2E5H7N6P  party  failed",
        "2026-01-02 03:04:05 UTC  8.0 ms  version 2  by name",
        "BAD: no",
    ]
    by_node = {line.split()[0]: line for line in lines[4:]}
    quarter = BAR_WIDTH // 4
    assert {node: by_node[node].count("█") for node in ("each", "greet", "late")} == {
        "each": quarter,
        "greet": 3 * quarter,
        "late": 0,
    }
    assert by_node["greet"].index("█") == by_node["each"].index("█") + quarter
    assert by_node["badge"].rstrip().endswith("BAD: [no]")


@pytest.mark.parametrize("status", ["running", "lost"])
def test_a_run_without_a_record_yet_has_no_timeline(capsys: pytest.CaptureFixture[str], status: str) -> None:
    announced = {"run_id": "R", "workflow": "party", "status": status, "started_at": RECORD["started_at"]}
    render_timeline(announced)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        f"run R  party  {status}",
        "2026-01-02 03:04:05 UTC",
    ]


def test_a_queued_run_says_what_it_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    announced = {"run_id": "R", "workflow": "party", "status": "queued", "started_at": RECORD["started_at"]}
    render_timeline({**announced, "waits_for": "room in its limits: 1 at once", "input": {}})
    assert "It waits for room in its limits: 1 at once\n" in capsys.readouterr().out


def test_an_error_that_was_too_large_shows_its_preview(capsys: pytest.CaptureFixture[str]) -> None:
    cut = {"_truncated": True, "bytes": 9000, "preview": '{"code": "BAD"'}
    render_timeline({**RECORD, "trace": [entry("a", "failed", error=cut)]})
    assert '{"code": "BAD"' in capsys.readouterr().out


def test_a_run_under_way_shows_what_it_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = entry("ask", "waiting", start_ms=10.0, duration_ms=0.0, input={"title": "Pay?", "timeout": "3d"})
    shown = ("run_id", "workflow", "version", "trigger", "started_at")
    render_timeline({**{key: RECORD[key] for key in shown}, "status": "running", "trace": [entry("mail"), waiting]})
    said = capsys.readouterr().out
    assert "ask waits: title Pay?" in said
    assert "waiting" in said


def test_rounds_of_tools_have_their_names() -> None:
    kept = [entry("ask", round=1), entry("ask.find", round=2), entry("ask", round=3)]
    trace = [entry("ask", rounds={"count": 3, "trace": kept})]
    assert [name for name, _ in flatten_trace(trace)] == ["ask", "  round 1", "  round 2: find", "  round 3"]
