"""`acr validate` without a platform: the compiler of the executor, over the built-in contracts, file by file."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import RunAcr

from fakes.builtins import BUILTINS
from workerd.local_platform import ROOT

GREET = "name: greet\nflow: [input >> ON_SUCCESS >> tidy]\nconfig: {tidy: {component: set, values: {a: 1}}}\n"
BROKEN = "name: broken\nflow: [input >> ON_SUCCES >> tidy]\nconfig: {tidy: {component: set, valu: {a: 1}}}\n"
CALLS = "name: {name}\nflow: [input >> CALLS_SUBFLOW >> {called}]\nconfig: {{{called}: {{input: 1}}}}\n"
OFFLINE = f"Offline: {len(BUILTINS)} components are known, no stored credentials and workflows. For these: acr dev"


def write(files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def read_data(stdout: str) -> dict[str, Any]:
    answer = json.loads(stdout)
    data: dict[str, Any] = answer["data"]
    assert answer["success"] is data["valid"]
    return data


def test_without_a_platform_it_is_offline_and_says_so_once(run_acr: RunAcr) -> None:
    write({"greet.yaml": GREET})
    assert run_acr("validate", "greet.yaml") == (0, "", f"{OFFLINE}\ngreet.yaml: ok\n")
    assert run_acr("validate", "greet.yaml", "--offline") == (0, "", f"{OFFLINE}\ngreet.yaml: ok\n")


def test_each_file_is_named_and_counted_and_a_bad_one_ends_nothing(run_acr: RunAcr) -> None:
    write({"1.yaml": BROKEN, "2.yaml": b"name: caf\xe9", "3.yaml": "name: x\nflow: [", "5.yaml": GREET})
    write({"4.yaml": b"#" * (8 * 2**20 + 1)})
    os.mkfifo("6.yaml")
    said = run_acr("validate", *(f"{number}.yaml" for number in (1, 2, 3, 4, 5, 6)))
    lines = [line for line in said.stderr.splitlines() if line.startswith(("Error", *"123456"))]
    assert said.code == 1
    assert [re.sub("(error [A-Z_]+) .*", r"\1", line) for line in lines] == [
        "1.yaml:2:8: error UNKNOWN_RELATION",
        "1.yaml:3:33: error UNKNOWN_KEY",
        "1.yaml: 2 errors",
        "Error NOT_UTF8: 2.yaml is not UTF-8 (byte 9).",
        "2.yaml: 1 error",
        "3.yaml:2:8: error INVALID_YAML",
        "3.yaml: 1 error",
        "Error FILE_TOO_LARGE: 4.yaml is larger than 8 MiB.",
        "4.yaml: 1 error",
        "5.yaml: ok",
        "Error NOT_A_FILE: 6.yaml is not a regular file.",
        "6.yaml: 1 error",
        "6 files: 1 ok, 5 with errors (6 errors)",
    ]


def test_as_json_each_file_has_its_verdict(run_acr: RunAcr) -> None:
    write({"a.yaml": BROKEN, "b.yaml": b"\xff", "c.yaml": GREET})
    said = run_acr("validate", "a.yaml", "b.yaml", "c.yaml", "--json")
    data = read_data(said.stdout)
    assert (said.code, data["valid"]) == (1, False)
    assert json.loads(said.stdout)["error"] == {
        "code": "INVALID_WORKFLOW",
        "message": "With errors: a.yaml, b.yaml.",
        "retriable": False,
        "next_actions": ["Correct the errors, then validate again."],
        "details": {},
    }
    assert [(file["file"], file["valid"], file.get("error", {}).get("code")) for file in data["files"]] == [
        ("a.yaml", False, None),
        ("b.yaml", False, "NOT_UTF8"),
        ("c.yaml", True, None),
    ]
    assert {finding["file"] for finding in data["diagnostics"]} == {"a.yaml"}


def test_a_folder_has_the_workflows_in_it_and_below(run_acr: RunAcr) -> None:
    write({"all/b.yml": GREET, "all/a.yaml": BROKEN, "all/deep/c.yaml": '{"name": "c", "flow": []}'})
    write({"all/contract.yaml": "canonical_id: x\n", "all/a.test.yaml": "tests: []\n", "all/notes.txt": GREET})
    write({"all/.git/d.yaml": GREET, "all/node_modules/e.yaml": GREET, "all/broken.yaml": "flow: [\n"})
    data = read_data(run_acr("validate", "all", "--json").stdout)
    assert [file["file"] for file in data["files"]] == [
        "all/a.yaml", "all/b.yml", "all/broken.yaml", "all/deep/c.yaml",
    ]  # fmt: skip


def test_a_folder_without_workflows_is_an_error(run_acr: RunAcr) -> None:
    write({"none/a.txt": ""})
    said = run_acr("validate", "none", "--json")
    assert (said.code, json.loads(said.stdout)["error"]["code"]) == (1, "NO_WORKFLOWS")


def test_a_named_test_file_is_left_out(run_acr: RunAcr) -> None:
    write({"a.yaml": GREET, "a.test.yaml": "tests: []"})
    said = run_acr("validate", "a.test.yaml", "a.yaml")
    assert (said.code, said.stderr.splitlines()[0]) == (
        0,
        "Left out a.test.yaml: it is no workflow; its tests: acr test a.test.yaml.",
    )


@pytest.mark.parametrize(
    ("arguments", "notes"),
    [
        pytest.param(["one.yaml"], [], id="beside it"),
        pytest.param(["one.yaml", "far/three.yaml"], [], id="given"),
        pytest.param(["far/four.yaml", "one.yaml"], [], id="given, in another folder"),
        pytest.param(
            ["far/four.yaml"],
            ["The workflow `one`, which it calls, is in no file here."],
            id="nowhere",
        ),
    ],
)
def test_called_workflows_are_looked_for(run_acr: RunAcr, arguments: list[str], notes: list[str]) -> None:
    write({"one.yaml": CALLS.format(name="one", called="two"), "two.yaml": CALLS.format(name="two", called="two")})
    write({"far/three.yaml": GREET, "far/four.yaml": CALLS.format(name="four", called="one")})
    said = run_acr("validate", *arguments, "--json")
    data = read_data(said.stdout)
    assert (said.code, data["diagnostics"]) == (0, [])
    assert [note for file in data["files"] for note in file.get("notes", [])] == notes


def test_a_component_from_elsewhere_is_a_note_and_no_error(run_acr: RunAcr) -> None:
    config = "config: {strin_ops: {text: 1, retry: {max_attempts: 2}}}"
    write({"a.yaml": f"name: a\nflow: [input >> PIPE >> strin_ops]\n{config}"})
    data = read_data(run_acr("validate", "a.yaml", "--json").stdout)
    assert (data["valid"], data["diagnostics"]) == (True, [])
    [note] = data["files"][0]["notes"]
    assert note == "The component `strin_ops` is not built in, so it was not checked. Did you mean `string_ops`?"


def test_components_of_a_folder_are_checked(run_acr: RunAcr) -> None:
    contract = (ROOT / "examples/components/shout_go/contract.yaml").read_text()
    write({"own/shout_go/contract.yaml": contract, "own/bad/contract.yaml": "a: 1"})
    write({"a.yaml": "name: a\nflow: [input >> PIPE >> shout_go, input >> PIPE >> bad]\nconfig: {shout_go: {txt: hi}}"})
    said = run_acr("validate", "a.yaml", "--components", "own", "--json")
    codes = {finding["code"] for finding in read_data(said.stdout)["diagnostics"]}
    assert (said.code, codes) == (1, {"UNKNOWN_KEY", "MISSING_INPUT", "INVALID_CONTRACT"})


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--offline", "--url", "http://127.0.0.1:9"], id="a platform"),
        pytest.param(["--offline", "--local"], id="the local one"),
        pytest.param(
            ["--url", "http://127.0.0.1:9", "--api-key", "k", "--components", "."], id="components of a platform"
        ),
    ],
)
def test_offline_and_a_platform_exclude_each_other(run_acr: RunAcr, arguments: list[str]) -> None:
    write({"a.yaml": GREET})
    assert run_acr("validate", "a.yaml", *arguments).code == 2


def test_offline_it_tells_of_what_could_not_be_pushed_together(run_acr: RunAcr) -> None:
    """A circle is none if one of it is stored, which only a platform knows."""
    circle: dict[str, str | bytes] = {
        f"{name}.yaml": CALLS.format(name=name, called=called) for name, called in (("a", "b"), ("b", "a"))
    }
    write(circle)
    said = run_acr("validate", ".", "--offline")
    assert said.code == 0
    assert "note It can be pushed only if one of these is stored already, for they call each other: " in said.stderr
    write({"c.yaml": circle["a.yaml"]})
    said = run_acr("validate", ".", "--offline", "--json")
    files = json.loads(said.stdout)["data"]["files"]
    assert (said.code, [file.get("error", {}).get("code") for file in files]) == (1, [None, None, "DUPLICATE_NAME"])


def test_a_platform_that_does_not_answer_is_an_error(run_acr: RunAcr) -> None:
    write({"a.yaml": GREET})
    said = run_acr("validate", "a.yaml", "--url", "http://127.0.0.1:9", "--api-key", "k", "--json")
    error = json.loads(said.stdout)["error"]
    assert (said.code, error["code"], error["next_actions"][0].endswith("--offline")) == (1, "NO_ANSWER", True)


def test_a_pipe_is_read_once(run_acr: RunAcr) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        pipe.write(BROKEN)
    said = run_acr("validate", f"/dev/fd/{reading}")
    os.close(reading)
    assert (said.code, said.stderr.splitlines()[-1]) == (1, f"/dev/fd/{reading}: 2 errors")


def test_the_examples_are_valid(run_acr: RunAcr) -> None:
    said = run_acr("validate", str(ROOT / "examples/workflows"))
    count = sum(not path.name.endswith(".test.yaml") for path in (ROOT / "examples/workflows").glob("*.yaml"))
    assert (said.code, said.stderr.splitlines()[-1]) == (0, f"{count} files: {count} ok")
    assert count > 20


def test_a_tool_s_workflow_says_what_it_takes(run_acr: RunAcr) -> None:
    ask = "name: ask\nflow: [input >> PIPE >> ask]\nconfig:\n  ask:\n    component: llm\n"
    ask += "    service: anthropic\n    model: m\n    api_key: '{{credential.k}}'\n    prompt: Hi\n"
    ask += "    tools: {greet: {workflow: greet, description: Greets.}}\n"
    write({"ask.yaml": ask, "greet.yaml": GREET})
    for given in (["ask.yaml"], ["ask.yaml", "greet.yaml"]):  # beside it, and among the files
        said = run_acr("validate", *given, "--offline", "--json")
        found = json.loads(said.stdout)["data"]["diagnostics"]
        assert [(it["code"], it["line"]) for it in found] == [("TOOL_WITHOUT_SCHEMA", 10)]
    write({"greet.yaml": f"input_schema: {{type: object, properties: {{a: {{type: string}}}}}}\n{GREET}"})
    assert run_acr("validate", "ask.yaml", "--offline").code == 0
