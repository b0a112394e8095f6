"""`acr test`: a test's run is the engine's own, with real components, stubs at the border, and a fixed world."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import RunAcr

from acr.testing.ports import TestRandom
from workerd.local_platform import ROOT

ONE = """name: one
flow:
  - input >> ON_SUCCESS >> shape
  - shape >> ON_SUCCESS >> fetch
  - fetch >> ON_FAIL >> sorry
config:
  shape: {component: string_ops, operation: upper, input: "{{input.name}}"}
  fetch:
    component: http_request
    url: "https://example.com/{{shape.data.result}}"
    headers: {authorization: "Bearer {{credential.token}}"}
    retry: {max_attempts: 3, initial_ms: 30000, max_ms: 60000, jitter: 0}
  sorry: {component: set, values: {sorry: "{{fetch.error.code}}", asked: "{{fetch.error.ticket?}}"}}
"""
LOOP = """name: loop
flow: [input >> PIPE >> items, items >> FOREACH item IN items.data.list >> ask, items >> CONTINUE >> output]
config:
  items: {component: set, values: {list: "{{input.list}}"}, foreach: {concurrency: 4, on_error: continue}}
  ask: {component: http_request, url: "https://example.com/{{item}}"}
"""
OUTER = """name: outer
flow: [input >> CALLS_SUBFLOW >> call, call >> PIPE >> twice, input >> CALLS_SUBFLOW >> far]
config:
  call: {workflow: one, input: {name: "{{input.name}}"}}
  far: {workflow: elsewhere, take: input}
  twice: {component: set, values: {got: "{{call.data.status}}"}}
"""
PURE = """name: pure
flow: [input >> PIPE >> show]
config: {show: {component: set, values: {at: "{{_now}}", name: "{{input.name?}}", list: [1, {a: true}]}}}
"""
OWN = """name: own
flow: [input >> PIPE >> shout_go]
config: {shout_go: {text: "{{input.name}}"}}
"""
PAGES = """name: pages
flow: [input >> PIPE >> page, page >> PIPE >> all]
config:
  page:
    component: http_request
    url: 'https://example.com/{{previous.body.next | default("first")}}'
    repeat: {until: "!(page.data.body.next)", max: 9, wait_ms: 60000, collect: page.data.body.items}
  all: {component: set, values: {items: "{{page.collected}}", rounds: "{{page.rounds}}"}}
"""
ASKED = """name: asked
flow: [input >> IF(request.method == 'GET') >> show]
config:
  show:
    component: set
    values:
      path: "{{request.path}}"
      tags: "{{request.query_all.tag}}"
      event: '{{request.headers["x-event"]}}'
      text: "{{request.text}}"
"""
ANSWERING = """name: answering
response:
  headers: {X-Name: "{{show.data.name}}"}
  redirect: "https://a.b/{{show.data.name}}"
  on_failure: {status: 400, json: {code: "{{error.code}}"}}
flow: [input >> PIPE >> show]
config: {show: {component: set, values: {name: "{{input.name}}"}}}
"""
TRIP = """name: trip
flow: [input >> PIPE >> flight, flight >> PIPE >> charge]
config:
  flight:
    component: http_request
    url: https://example.com/flights
    method: POST
    undo: {component: http_request, method: DELETE, url: "https://example.com/flights/{{flight.data.body.id}}"}
  charge: {component: http_request, url: "https://example.com/charges", method: POST}
"""
SEEN = """name: seen
flow:
  - input >> FOREACH item IN input.items >> once
  - once >> IF(once.data.is_new) >> count
  - input >> CONTINUE >> rest
config:
  once: {component: store, op: add_once, key: "{{item}}"}
  count: {component: store, op: increment, key: n, store: totals}
  rest: {component: store, op: list, prefix: c}
"""
WORKFLOWS = {
    "seen": SEEN,
    "answering": ANSWERING,
    "asked": ASKED,
    "trip": TRIP,
    "pages": PAGES,
    "one": ONE,
    "loop": LOOP,
    "outer": OUTER,
    "pure": PURE,
    "own": OWN,
}
DOWN = {"error": {"code": "HTTP_STATUS", "message": "Down.", "status": 503}}


def write_tests(*tests: dict[str, Any], workflow: str = "one", **settings: Any) -> None:
    """Write all workflows, and x.test.yaml with `tests`, whose names are their numbers."""
    for name, text in WORKFLOWS.items():
        Path(f"{name}.yaml").write_text(text)
    named = [{"name": f"test {i}", **test} for i, test in enumerate(tests)]
    Path("x.test.yaml").write_text(json.dumps({"workflow": f"{workflow}.yaml", **settings, "tests": named}))


def run_tests(run_acr: RunAcr, *arguments: str) -> list[dict[str, Any]]:
    """The tests' results. Checks that the exit code says whether all have passed."""
    said = run_acr("test", "x.test.yaml", "--json", *arguments)
    data = json.loads(said.stdout)["data"]
    tests = [test for file in data["files"] for test in file["tests"]]
    passed = sum(test["passed"] for test in tests)
    assert (data["passed"], data["failed"], said.code) == (passed, len(tests) - passed, int(passed < len(tests)))
    return tests


def differences_of(run_acr: RunAcr, test: dict[str, Any], workflow: str = "one") -> dict[str, tuple[Any, Any]]:
    write_tests(test, workflow=workflow)
    [result] = run_tests(run_acr)
    assert "error" not in result, result
    return {each["path"]: (each.get("expected", "-"), each.get("got", "-")) for each in result["differences"]}


def error_of(run_acr: RunAcr, test: dict[str, Any], workflow: str = "one") -> dict[str, Any]:
    write_tests(test, workflow=workflow)
    [result] = run_tests(run_acr)
    assert result["differences"] == []
    error: dict[str, Any] = result["error"]
    return error


def stubbed(answer: Any, **expect: Any) -> dict[str, Any]:
    return {"input": {"name": "ada"}, "stubs": {"fetch": answer}, "expect": expect}


@pytest.mark.parametrize(
    ("test", "workflow"),
    [
        pytest.param(stubbed({"data": {"status": 200}}, data={"status": 200}), "one", id="a stub answers"),
        pytest.param(
            stubbed({"data": 1}, nodes={"shape": "success", "fetch": "success", "sorry": "skipped"}), "one", id="nodes"
        ),
        pytest.param(
            stubbed({"data": 1}, calls={"fetch": {"url": "https://example.com/ADA"}}), "one", id="a call's input"
        ),
        pytest.param(
            stubbed({"data": 1}, calls={"fetch": {"headers": {"authorization": "Bearer {{credential.token}}"}}}),
            "one",
            id="a credential stands as its reference",
        ),
        pytest.param(
            {**stubbed({"data": 1}, calls={"fetch": {"headers": {"authorization": "Bearer t"}}}),
             "credentials": {"token": "t"}},
            "one",
            id="a credential has a placeholder",
        ),
        pytest.param(
            {**stubbed({"data": 1}, data={"sorry": "CREDENTIAL_MISSING", "asked": None}, calls={"fetch": 0}),
             "credentials": {"token": None}},
            "one",
            id="a credential is not stored",
        ),
        pytest.param(
            stubbed(DOWN, data={"sorry": "HTTP_STATUS", "asked": None}, calls={"fetch": 3}),
            "one",
            id="an error is retried, without waiting, and handled",
        ),
        pytest.param(
            stubbed({"error": {"code": "NODE_TIMEOUT", "ticket": 7}}, data={"sorry": "NODE_TIMEOUT", "asked": 7}),
            "one",
            id="an error of the platform, with a field of its own",
        ),
        pytest.param(stubbed([DOWN, {"data": 5}], data=5, calls={"fetch": 2}), "one", id="an answer for each attempt"),
        pytest.param(
            {
                "input": {"list": ["a", "b", "c"]},
                "stubs": {"ask": [{"data": 1}, {"error": {"code": "GONE"}}, {"data": 3}]},
                "expect": {
                    "data": [1, None, 3],
                    "calls": {"ask": [{"url": f"https://example.com/{name}"} for name in "abc"]},
                    "nodes": {"ask": "failed"},
                },
            },
            "loop",
            id="an answer for each element",
        ),
        pytest.param(
            {
                "input": {"name": "bob"},
                "stubs": {"call.fetch": {"data": {"status": 201}}, "far": {"data": "told"}},
                "expect": {
                    "data": {"twice": {"got": 201}, "far": "told"},
                    "calls": {"call.fetch": {"url": "https://example.com/BOB"}, "far": {"input": {"name": "bob"}}},
                    "nodes": {"call": "success", "call.sorry": "skipped"},
                },
            },
            "outer",
            id="nodes of a called workflow, and a called workflow as a node",
        ),
        pytest.param(
            {"stubs": {"shape": {"data": {"result": "X"}}, "fetch": {"data": 1}},
             "expect": {"calls": {"shape": 0, "fetch": 0}, "error": {"code": "UNRESOLVED_REFERENCE", "node": "shape"}}},
            "one",
            id="a failure",
        ),
        pytest.param({"expect": {"status": "failed"}}, "one", id="any failure"),
        pytest.param(
            {
                "input": {"a": 1},
                "request": {"method": "GET", "path": "/x", "query": {"tag": ["a", "b"]}, "headers": {"X-Event": "e"}},
                "expect": {"data": {"path": "/x", "tags": ["a", "b"], "event": "e", "text": '{"a": 1}'}},
            },
            "asked",
            id="a request",
        ),
        pytest.param({"expect": {"nodes": {"show": "skipped"}}}, "asked", id="a POST"),
        pytest.param(
            {"input": {"name": "Ada"},
             "expect": {"response": {"status": 303, "headers": {"X-Name": "Ada"}, "redirect": "https://a.b/Ada"}}},
            "answering",
            id="a response",
        ),
        pytest.param(
            {"expect": {"status": "failed", "response": {"status": 400, "json": {"code": "UNRESOLVED_REFERENCE"}}}},
            "answering",
            id="the response of a failure",
        ),
        pytest.param(
            {"input": {"name": "x"}, "now": "2026-02-03T04:05:06Z",
             "expect": {"data": {"at": "2026-02-03T04:05:06.000Z", "name": "x", "list": [1.0, {"a": True}]}}},
            "pure",
            id="the time",
        ),
        pytest.param({"expect": {"data_includes": {"list": [1, {}]}}}, "pure", id="a part of the answer"),
        pytest.param(
            {"stubs": {"page": [{"data": {"body": {"items": [1, 2], "next": 2}}}, {"data": {"body": {"items": [3]}}}]},
             "expect": {"data": {"items": [1, 2, 3], "rounds": 2}, "calls": {"page": 2}}},
            "pages",
            id="rounds",
        ),
        pytest.param(
            {"stubs": {"flight": {"data": {"body": {"id": 7}}}, "charge": DOWN, "flight.undo": {"data": {}}},
             "expect": {"error": {"code": "HTTP_STATUS", "node": "charge"}, "nodes": {"flight.undo": "success"},
                        "undone": "complete",
                        "calls": {"flight.undo": [{"url": "https://example.com/flights/7", "method": "DELETE"}]}}},
            "trip",
            id="an undo",
        ),
        pytest.param(
            {"stubs": {"flight": {"data": {"body": {"id": 7}}}, "charge": {"data": {}}, "flight.undo": {"data": {}}},
             "expect": {"undone": "none", "nodes": {"flight.undo": "skipped"}, "calls": {"flight.undo": 0}}},
            "trip",
            id="an undo that does not run",
        ),
        pytest.param(
            {"stubs": {"flight": {"data": {"body": {"id": 7}}}, "charge": DOWN, "flight.undo": DOWN},
             "expect": {"undone": "partial"}},
            "trip",
            id="an undo that fails",
        ),
        pytest.param(
            {"input": {"items": ["a", "b", "c", "c"]}, "store": {"a": True}, "shared_stores": {"totals": {"n": 40}},
             "expect": {"data_includes": {"cursor": ""}, "store": {"a": True, "b": True, "c": True},
                        "shared_stores": {"totals": {"n": 42}}}},
            "seen",
            id="stores, filled and looked at",
        ),
        pytest.param(
            {"input": {"items": ["a"]}, "expect": {"status": "success"}}, "seen", id="stores that are empty"
        ),
        pytest.param(
            {"input": {"items": ["a"]}, "stubs": {"once": {"data": {"is_new": False}}},
             "expect": {"store": {}, "nodes": {"count": "skipped"}, "calls": {"once": {"key": "a"}}}},
            "seen",
            id="a store's node, stubbed",
        ),
        pytest.param(
            {"input": {"name": "a"}, "stubs": {"shout_go": {"data": "A"}}, "expect": {"data": "A"}},
            "own",
            id="a component that is not at hand",
        ),
    ],
)  # fmt: skip
def test_passes(run_acr: RunAcr, test: dict[str, Any], workflow: str) -> None:
    assert differences_of(run_acr, test, workflow) == {}


@pytest.mark.parametrize(
    ("test", "workflow", "differences"),
    [
        pytest.param(
            {"expect": {"data": {"at": "now", "name": None, "list": [True, {"a": 1}, 3], "more": 1}}},
            "pure",
            {"data.at": ("now", "2026-01-01T00:00:00.000Z"), "data.list[0]": (True, 1), "data.list[1].a": (1, True),
             "data.list[2]": (3, "-"), "data.more": (1, "-")},
            id="values, by their types",
        ),
        pytest.param(
            {"stubs": {"flight": {"data": {"body": {"id": 7}}}, "charge": DOWN, "flight.undo": DOWN},
             "expect": {"undone": "complete"}},
            "trip",
            {"undone": ("complete", "partial")},
            id="what is undone",
        ),
        pytest.param(
            {"input": {"name": "Ada"},
             "expect": {"response": {"status": 200, "headers": {"x-name": "", "y": ""}, "html": ""}}},
            "answering",
            {"response.status": (200, 303), "response.headers.x-name": ("", "Ada"), "response.headers.y": ("", "-"),
             "response.html": ("", "-")},
            id="a response",
        ),
        pytest.param(
            {"input": {"items": ["a"]}, "expect": {"store": {"a": 1, "b": 2}, "shared_stores": {"totals": {}}}},
            "seen",
            {"store.a": (1, True), "store.b": (2, "-"), "shared_stores.totals.n": ("-", 1)},
            id="what stores have",
        ),
        pytest.param(
            {"expect": {"response": {"status": 200}}}, "pure", {"response.status": (200, "-")}, id="no response"
        ),
        pytest.param(
            {"expect": {"data": {}}},
            "pure",
            {"data.at": ("-", "2026-01-01T00:00:00.000Z"), "data.name": ("-", None),
             "data.list": ("-", [1, {"a": True}])},
            id="what is not expected",
        ),
        pytest.param(
            {"expect": {"data_includes": {"list": [1]}}}, "pure", {"data.list[1]": ("-", {"a": True})}, id="whole lists"
        ),
        pytest.param(
            stubbed({"data": 1}, error={"code": "X"}), "one", {"status": ("failed", "success"), "data": ("-", 1)},
            id="it succeeds",
        ),
        pytest.param(
            {"input": {}, "expect": {"error": {"code": "X", "node": "shape"}}},
            "one",
            {"error.code": ("X", "UNRESOLVED_REFERENCE")},
            id="another error",
        ),
        pytest.param(
            stubbed({"data": 1}, nodes={"sorry": "success"}, calls={"fetch": [{"url": "u"}, {}]}),
            "one",
            {"nodes.sorry": ("success", "skipped"), "calls.fetch[0].url": ("u", "https://example.com/ADA"),
             "calls.fetch[1]": ({}, "-")},
            id="statuses and calls",
        ),
        pytest.param(
            {**stubbed({"data": "the-secret"}, data="the-secret"), "credentials": {"token": "the-secret"}},
            "one",
            {"data": ("the-secret", "[REDACTED]")},
            id="a secret in the answer is redacted, as on the platform",
        ),
    ],
)  # fmt: skip
def test_tells_what_differs(
    run_acr: RunAcr, test: dict[str, Any], workflow: str, differences: dict[str, tuple[Any, Any]]
) -> None:
    assert differences_of(run_acr, test, workflow) == differences


@pytest.mark.parametrize(
    ("test", "workflow", "code", "said"),
    [
        pytest.param(
            {"input": {"name": "a"}, "expect": {"data": 1}}, "one", "TEST_NODE_NOT_STUBBED", "`fetch`", id="not stubbed"
        ),
        pytest.param(
            {"input": {"name": "a"}, "stubs": {"far": {"data": 1}}, "expect": {"data": 1}},
            "outer", "TEST_NODE_NOT_STUBBED", "`call.fetch`", id="not stubbed in a called workflow",
        ),
        pytest.param(
            {"input": {"name": "a"}, "stubs": {"call.fetch": {"data": 1}}, "expect": {"data": 1}},
            "outer", "TEST_NODE_NOT_STUBBED", "`far`", id="a called workflow that is nowhere",
        ),
        pytest.param(
            {"input": {"name": "a"}, "expect": {"data": 1}}, "own", "TEST_NODE_NOT_STUBBED", "`shout_go`",
            id="a component that is nowhere",
        ),
        pytest.param(stubbed([DOWN], data=1), "one", "TEST_STUB_USED_UP", "2 times", id="more calls than answers"),
        pytest.param(
            {"stubs": {"fetsh": {"data": 1}}, "expect": {"data": 1}}, "one", "TEST_UNKNOWN_NODE", "`fetsh`", id="a stub"
        ),
        pytest.param(
            {"stubs": {"call.fetsh": {"data": 1}}, "expect": {"data": 1}},
            "outer", "TEST_UNKNOWN_NODE", "`call.fetsh`", id="a stub in a called workflow",
        ),
        pytest.param(
            {"expect": {"nodes": {"shape.a": "failed"}}}, "one", "TEST_UNKNOWN_NODE", "`shape.a`", id="below a leaf"
        ),
        pytest.param({"expect": {"nodes": {"a": "failed"}}}, "one", "TEST_UNKNOWN_NODE", "`a`", id="a node's name"),
        pytest.param(
            {"expect": {"calls": {"shape": 1}}}, "one", "TEST_NODE_NOT_STUBBED", "`shape`", id="calls of no stub"
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_the_test_fails_it_whatever_the_workflow_handles(
    run_acr: RunAcr, test: dict[str, Any], workflow: str, code: str, said: str
) -> None:
    error = error_of(run_acr, test, workflow)
    assert error["code"] == code
    assert said in error["message"]


def test_the_stub_that_is_shown_can_be_used(run_acr: RunAcr) -> None:
    [action] = error_of(run_acr, {"input": {"name": "a"}, "expect": {"data": 1}})["next_actions"]
    Path("y.test.yaml").write_text(
        "workflow: one.yaml\ntests:\n- name: a\n  input: {name: a}\n  expect: {status: success}\n  "
        + action.removeprefix("Add its answer to the test: ")
    )
    assert run_acr("test", "y.test.yaml").code == 0


def test_pauses_take_no_time_but_pass(run_acr: RunAcr) -> None:
    """A retry's random pause, and a component that waits, move the time that a later component reads."""
    Path("r.yaml").write_text(
        "name: r\nflow: [input >> PIPE >> down, down >> ON_FAIL >> pause, pause >> PIPE >> due]\nconfig:\n"
        "  down: {component: http_request, url: 'https://a.example', "
        "retry: {max_attempts: 2, initial_ms: 60000, max_ms: 60000, jitter: 1}}\n"
        "  pause: {component: wait, ms: 30000}\n"
        "  due: {component: cron, cron_expr: '* * * * *', timezone: UTC, count: 1}\n"
    )
    tests = [{"name": str(seed), "seed": seed, "stubs": {"down": DOWN}, "expect": {"data": 1}} for seed in (1, 2)]
    Path("x.test.yaml").write_text(json.dumps({"workflow": "r.yaml", "tests": tests}))
    began_s = time.monotonic()
    first, again = run_tests(run_acr), run_tests(run_acr)
    assert time.monotonic() - began_s < 10
    answers = [test["differences"][0]["got"]["next"] for test in first]
    assert answers == [test["differences"][0]["got"]["next"] for test in again]
    assert all("2026-01-01T00:01:00" <= answer[0] <= "2026-01-01T00:02:00Z" for answer in answers)


def test_randomness_depends_on_the_seed_and_on_what_was_drawn() -> None:
    def draw(seed: int) -> list[bytes]:
        random = TestRandom(seed)
        return [random.token_bytes(8) for _ in range(2)]

    assert draw(1) == draw(1)
    assert len({*draw(1), *draw(2)}) == 4


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        pytest.param("[", "1:2: it is not YAML", id="no YAML"),
        pytest.param("a: 1", "1:1: The file has the unknown key `a`", id="an unknown key"),
        pytest.param("tests: []", "1:1: `tests` must be a list of one or more tests", id="no tests"),
        pytest.param("tests: [{expect: {data: 1}}]", "1:9: a test needs a `name`", id="no name"),
        pytest.param("tests: [{name: a}]", "1:9: a test needs `expect`", id="nothing expected"),
        pytest.param("tests: [{name: a, expect: {}}]", "`expect` is empty", id="expects nothing"),
        pytest.param("tests:\n- name: a\n  expct: {}", "3:3: A test has the unknown key `expct`", id="a misspelt key"),
        pytest.param("tests: [{name: a, expect: {data: 1}}, {name: a, expect: {data: 1}}]", "two tests", id="one name"),
        pytest.param("tests: [{name: a, expect: {response: {code: 1}}}]", "unknown key `code`", id="a response"),
        pytest.param("tests: [{name: a, request: {body: 1}}]", "`request` has the unknown key `body`", id="a field"),
        pytest.param("tests: [{name: a, request: {method: HEAD}}]", "`method` must be GET", id="a method"),
        pytest.param("tests: [{name: a, request: {path: x}}]", "`path` must begin with a slash", id="a path"),
        pytest.param("tests: [{name: a, request: {text: 1}}]", "`text` must be a string", id="no text"),
        pytest.param("tests: [{name: a, request: {query: {b: 1}}}]", "`query` has strings, or lists", id="a number"),
        pytest.param("tests: [{name: a, request: {headers: {b: [c]}}}]", "`headers` has strings", id="a list"),
        pytest.param("tests: [{name: a, stubs: {b: 1}, expect: {data: 1}}]", "A stub must be a mapping", id="a stub"),
        pytest.param("tests: [{name: a, stubs: {b: {output: 1}}, expect: {data: 1}}]", "`output`", id="no output"),
        pytest.param(
            "tests: [{name: a, stubs: {b: {error: {message: x}}}, expect: {data: 1}}]", "has a `code`", id="no code"
        ),
        pytest.param("tests: [{name: a, expect: {data: 1, status: failed}}]", "has no data", id="a failure's data"),
        pytest.param("tests: [{name: a, expect: {data: 1, data_includes: 1}}]", "leave out one", id="whole and part"),
        pytest.param("tests: [{name: a, expect: {nodes: {b: ok}}}]", "success, failed, skipped", id="a status"),
        pytest.param("tests: [{name: a, expect: {undone: all}}]", "must be complete, partial or none", id="undone"),
        pytest.param("tests: [{name: a, store: [1], expect: {data: 1}}]", "A store must be a mapping", id="a store"),
        pytest.param("tests: [{name: a, shared_stores: {a/b: {k: 1}}, expect: {data: 1}}]", "letters", id="a name"),
        pytest.param("tests: [{name: a, store: {'': 1}, expect: {data: 1}}]", "not empty", id="an empty key"),
        pytest.param("now: soon\ntests: [{name: a, expect: {data: 1}}]", "1:1: `now` must be", id="a time"),
        pytest.param(f"tests: {[{'name': 'a', 'expect': {'data': 1}}] * 501}", "the limit is 500", id="many"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_in_the_format_is_told_with_its_line(run_acr: RunAcr, source: str, problem: str) -> None:
    Path("x.test.yaml").write_text(source)
    said = run_acr("test", "x.test.yaml", "--json")
    [file] = json.loads(said.stdout)["data"]["files"]
    assert (said.code, file["error"]["code"], file["tests"]) == (1, "INVALID_TEST", [])
    assert problem in file["error"]["message"]


def test_a_bad_file_ends_nothing(run_acr: RunAcr) -> None:
    write_tests(stubbed({"data": 1}, data=1))
    Path("a.test.yaml").write_text("tests: [{name: a, expect: {data: 1}}]")
    Path("b.test.yaml").write_text("workflow: c.yaml\ntests: [{name: a, expect: {data: 1}}]")
    Path("c.yaml").write_text("name: c\nflow: []")
    said = run_acr("test", "--json")
    assert [(file["file"], file.get("error", {}).get("code")) for file in json.loads(said.stdout)["data"]["files"]] == [
        ("a.test.yaml", "TEST_WORKFLOW_MISSING"),
        ("b.test.yaml", "INVALID_WORKFLOW"),
        ("x.test.yaml", None),
    ]
    said = run_acr("test")
    assert said.code == 1
    assert said.stderr.startswith("1 passed, 2 files could not be run in ")


def test_a_failure_is_shown_as_a_diff(run_acr: RunAcr) -> None:
    write_tests(stubbed({"data": {"a": 1}}, data={"a": 2}), stubbed({"data": 1}, data=1))
    said = run_acr("test", "x.test.yaml")
    assert said.stdout.splitlines() == [
        "FAIL x.test.yaml:1  test 0", "    data.a", "      - 2", "      + 1", "ok   x.test.yaml  test 1",
    ]  # fmt: skip
    assert said.stderr.startswith("1 failed, 1 passed in ")


def test_a_text_picks_tests(run_acr: RunAcr) -> None:
    write_tests(*(stubbed({"data": 1}, data=i) for i in range(3)))
    assert [test["name"] for test in run_tests(run_acr, "-k", "TEST 1")] == ["test 1"]
    assert len(run_tests(run_acr, "-k", "x.test")) == 3
    said = run_acr("test", "-k", "nothing", "--json")
    assert (said.code, json.loads(said.stdout)["error"]["code"]) == (1, "NO_TESTS")


def test_a_workflow_stands_for_its_tests(run_acr: RunAcr) -> None:
    write_tests(stubbed({"data": 1}, data=1))
    Path("x.test.yaml").rename("one.test.yaml")
    assert run_acr("test", "one.yaml").stdout == "ok   one.test.yaml  test 0\n"
    assert run_acr("test", "one.yaml", "one.test.yaml").stdout == "ok   one.test.yaml  test 0\n"


def test_a_workflow_without_tests_is_told_which_file_is_missing(run_acr: RunAcr) -> None:
    write_tests(stubbed({"data": 1}, data=1))
    said = run_acr("test", "pure.yaml", "--json")
    [file] = json.loads(said.stdout)["data"]["files"]
    assert (said.code, file["error"]["code"], file["error"]["message"], file["error"]["next_actions"]) == (
        1,
        "NO_TESTS",
        "pure.yaml has no tests: there is no pure.test.yaml.",
        ["Begin one from a run: acr logs RUN --as-test > pure.test.yaml. By hand: acr docs testing"],
    )
    assert json.loads(said.stdout)["error"]["message"] == "0 passed, 1 file could not be run."
    assert "ok   x.test.yaml  test 0" in run_acr("test", "pure.yaml", "x.test.yaml").stdout
    Path("of_another_name.yaml").write_text(Path("x.test.yaml").read_text())
    assert run_acr("test", "of_another_name.yaml").stdout == "ok   of_another_name.yaml  test 0\n"


@pytest.mark.parametrize("workflow", ["z.yaml", "z.yml"])
@pytest.mark.parametrize("test", ["z.test.yaml", "z.test.yml"])
def test_both_suffixes_go_together(run_acr: RunAcr, workflow: str, test: str) -> None:
    Path(workflow).write_text(PURE)
    Path(test).write_text("tests: [{name: a, expect: {status: success}}]")
    for arguments in ([], [workflow], [test]):
        assert run_acr("test", *arguments).stdout == f"ok   {test}  a\n"


def test_of_two_workflows_the_one_of_the_same_suffix_is_tested(run_acr: RunAcr) -> None:
    for suffix in ("yaml", "yml"):
        Path(f"z.{suffix}").write_text(
            f"name: z\nflow: [input >> PIPE >> a]\nconfig: {{a: {{component: set, values: {{is: {suffix}}}}}}}"
        )
        Path(f"z.test.{suffix}").write_text(f"tests: [{{name: a, expect: {{data: {{is: {suffix}}}}}}}]")
    assert run_acr("test").code == 0


def test_no_tests_are_an_error(run_acr: RunAcr) -> None:
    said = run_acr("test", "--json")
    assert (said.code, json.loads(said.stdout)["error"]["code"]) == (1, "NO_TESTS")


def test_own_components_run(run_acr: RunAcr) -> None:
    """Not only a stub: the module of the folder computes the answer."""
    folder = Path("own/upper")
    folder.mkdir(parents=True)
    contract = (ROOT / "components/string_ops/contract.yaml").read_text()
    (folder / "contract.yaml").write_text(contract.replace("canonical_id: string_ops", "canonical_id: upper"))
    (folder / "upper.wasm").write_bytes((ROOT / "components/string_ops/string_ops.wasm").read_bytes())
    Path("u.yaml").write_text("name: u\nflow: [input >> PIPE >> upper]\nconfig: {upper: {operation: upper, input: a}}")
    Path("u.test.yaml").write_text('tests: [{name: a, expect: {data: {result: "A"}}}]')
    assert run_acr("test").code == 1
    said = run_acr("test", "--components", "own")
    assert (said.code, said.stdout) == (0, "ok   u.test.yaml  a\n")


def test_a_component_without_its_module_is_told(run_acr: RunAcr) -> None:
    Path("own/shout_go").mkdir(parents=True)
    contract = (ROOT / "examples/components/shout_go/contract.yaml").read_text()
    Path("own/shout_go/contract.yaml").write_text(contract)
    write_tests({"input": {"name": "a"}, "expect": {"status": "failed"}}, workflow="own")
    [result] = run_tests(run_acr, "--components", "own")
    assert result["error"]["code"] == "TEST_COMPONENT_UNUSABLE"
    assert "There is no .wasm in own/shout_go" in result["error"]["message"]


def test_workflows_that_call_each_other_can_be_named(run_acr: RunAcr) -> None:
    Path("a.yaml").write_text("name: a\nflow: [input >> CALLS_SUBFLOW >> b]\nconfig: {b: {input: 1}}")
    Path("b.yaml").write_text("name: b\nflow: [input >> CALLS_SUBFLOW >> a]\nconfig: {a: {input: 1}}")
    path = ".".join("ba" * 2)
    test = {"name": "t", "stubs": {path: {"data": 7}}, "expect": {"data": 7, "calls": {path: {"input": 1}}}}
    Path("a.test.yaml").write_text(json.dumps({"tests": [test]}))
    assert run_acr("test").stdout == "ok   a.test.yaml  t\n"


def test_the_examples_pass(run_acr: RunAcr) -> None:
    said = run_acr("test", str(ROOT / "examples"), "--json")
    assert said.code == 0, said.stdout
    assert len(json.loads(said.stdout)["data"]["files"]) >= 3
