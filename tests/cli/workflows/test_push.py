"""Proves what `acr push` stores: from which file, of a folder, in which order, and what it refuses before that."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from arcrun.errors import PayloadTooLargeError
from fakes.command_line import CommandBench
from fakes.components import echo
from fakes.executor import build_bench

TEXT = "name: greet\nflow: [input >> PIPE >> echo]\nconfig:\n  echo: {take: input}\n"


def calling(name: str, *callees: str, comment: str = "") -> str:
    """A workflow that calls others; without any, one with a single node."""
    flow = [f"input >> SUBFLOW >> {callee}" for callee in callees] or ["input >> PIPE >> echo"]
    return json.dumps({"name": name, "flow": flow}) + f"  # {comment}\n"


@pytest.fixture
def acr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandBench:
    monkeypatch.chdir(tmp_path)
    return CommandBench(build_bench({"echo": echo}), monkeypatch, capsys)


def write(path: str, text: str = TEXT) -> str:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return path


def stored(acr: CommandBench) -> dict[str, Any]:
    return {each["name"]: each for each in acr.run("list", "--json").answer["data"]["workflows"]}


def pushes(acr: CommandBench) -> list[str]:
    """The names of the workflows that were sent to be stored."""
    sent = [json.loads(each.content) for each in acr.requests if (each.method, each.url.path) == ("POST", "/webhooks")]
    return [body["workflow"].partition('"name": "')[2].partition('"')[0] for body in sent]


def test_a_changed_comment_makes_no_version_and_is_kept(acr: CommandBench) -> None:
    file = write("greet.yaml")
    first, again = acr.run("push", file), acr.run("push", file)
    write("greet.yaml", f"# hello\n{TEXT}")
    commented = acr.run("push", file)
    assert [each.err.splitlines()[0] for each in (first, again, commented)] == [
        "Pushed greet, version 1: +echo",
        "greet has not changed, version 1.",
        "greet has not changed, version 1. Its text was replaced: comments or layout.",
    ]
    assert len({first.out, again.out, commented.out}) == 1
    assert acr.run("show", "greet").out == f"# hello\n{TEXT}"


@pytest.mark.parametrize(
    ("project", "here", "pushed", "expected"),
    [
        pytest.param("arcrun.yaml", ".", "flows/greet.yaml", "flows/greet.yaml", id="a project by arcrun.yaml"),
        pytest.param("arcrun.yaml", "flows", "greet.yaml", "flows/greet.yaml", id="from a folder of it"),
        pytest.param(".git/HEAD", "flows", "../flows/greet.yaml", "flows/greet.yaml", id="a project by .git"),
        pytest.param(None, ".", "flows/greet.yaml", "flows/greet.yaml", id="no project"),
        pytest.param(None, "flows", "../other/greet.yaml", "other/greet.yaml", id="outside of the folder"),
        pytest.param(".arcrun/api-key", "flows", "greet.yaml", "flows/greet.yaml", id="a project by its acr dev"),
    ],
)
def test_the_file_is_told_as_its_project_names_it(
    acr: CommandBench, monkeypatch: pytest.MonkeyPatch, project: str | None, here: str, pushed: str, expected: str
) -> None:
    base = Path.cwd()
    if project is not None:
        write(project, "")
    for path in ("flows/greet.yaml", "other/greet.yaml"):
        write(path)
    monkeypatch.chdir(base / here)
    for path in (pushed, str(Path(pushed).absolute())):
        assert acr.run("push", path).code == 0
        told = json.loads(acr.requests[-1].content)["file"]
        assert (told, stored(acr)["greet"]["file"]) == (expected, expected)
    assert not any(str(base) in request.content.decode() for request in acr.requests)


def test_files_of_one_name_in_two_folders_are_two(acr: CommandBench, monkeypatch: pytest.MonkeyPatch) -> None:
    base = Path.cwd()
    for folder in ("p1", "p2"):
        write(f"{folder}/greet.yaml", TEXT.replace("take: input", f"text: {folder}"))
        monkeypatch.chdir(base / folder)
        pushed = acr.run("push", "greet.yaml", "--json")
        monkeypatch.chdir(base)
    assert (pushed.code, pushed.answer["error"]["code"]) == (1, "WORKFLOW_FROM_OTHER_FILE")
    assert stored(acr)["greet"]["file"] == "p1/greet.yaml"


def test_another_file_replaces_a_workflow_by_force_alone(acr: CommandBench) -> None:
    write("arcrun.yaml", "")
    acr.run("push", write("greet.yaml"))
    other = write("other.yaml", TEXT.replace("take: input", "text: other"))
    refused = acr.run("push", other)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.splitlines() == [
        "Error WORKFLOW_FROM_OTHER_FILE: `greet` was pushed from greet.yaml; this push comes from other.yaml.",
        "Next: See how it differs from what is stored: acr diff greet other.yaml",
        "Next: If it is another workflow, give it another name.",
        "Next: Or replace what is stored: acr push other.yaml --force",
    ]
    assert acr.run("diff", "greet", "other.yaml").code == 1
    assert acr.run("push", other, "--json").answer["error"]["code"] == "WORKFLOW_FROM_OTHER_FILE"
    declined = acr.run("push", other, confirms=False)
    assert (declined.code, "Nothing was pushed." in declined.err, stored(acr)["greet"]["latest"]) == (1, True, 1)
    assert "Pushed greet, version 2: ~echo" in acr.run("push", other, confirms=True).err
    assert stored(acr)["greet"]["file"] == "other.yaml"
    assert acr.run("push", "greet.yaml", "--force").code == 0
    assert stored(acr)["greet"]["file"] == "greet.yaml"


FOLDER = {
    "flows/a_caller.yaml": calling("a_caller", "m_middle", "z_callee"),
    "flows/m_middle.yml": calling("m_middle", "z_callee"),
    "flows/z_callee.yaml": calling("z_callee"),
    "flows/arcrun.yaml": "account_id: x\n",
    "flows/credentials.yaml": "a: secret\n",
    "flows/a_caller.test.yaml": "name: a_caller\nflow: []\n",
    "flows/contract.yaml": "canonical_id: x\nname: x\nconfig: {}\n",
    "flows/compose.yaml": "name: x\nservices: {}\n",
    "flows/readme.md": "# flows\n",
    "flows/inner/deeper.yaml": calling("deeper"),
}


def test_of_a_folder_all_workflows_are_pushed_callees_first(acr: CommandBench) -> None:
    for path, text in FOLDER.items():
        write(path, text)
    pushed = acr.run("push", "flows")
    assert pushed.code == 0, pushed.err
    assert pushes(acr) == ["z_callee", "deeper", "m_middle", "a_caller"]
    assert [line for line in pushed.err.splitlines() if line.startswith("Pushed")] == [
        "Pushed z_callee, version 1: +echo",
        "Pushed deeper, version 1: +echo",
        "Pushed m_middle, version 1: +z_callee",
        "Pushed a_caller, version 1: +m_middle +z_callee",
    ]
    urls = {each["name"]: each["webhook_url"] for each in stored(acr).values()}
    assert pushed.out.splitlines() == [urls[name] for name in ("z_callee", "deeper", "m_middle", "a_caller")]
    assert not any(b"secret" in request.content for request in acr.requests)


def test_as_json_several_files_are_a_list(acr: CommandBench) -> None:
    files = [write("b.yaml", calling("b", "a")), write("a.yaml", calling("a"))]
    answer = acr.run("push", *files, "--json").answer
    assert [(each["name"], each["path"], each["changed"]) for each in answer["data"]["workflows"]] == [
        ("a", "a.yaml", True),
        ("b", "b.yaml", True),
    ]
    assert all(each["webhook_url"].startswith("https://") for each in answer["data"]["workflows"])


def test_nothing_is_pushed_if_one_has_an_error(acr: CommandBench) -> None:
    write("flows/a.yaml", calling("a"))
    write("flows/b.yaml", calling("b", "nowhere"))
    write("flows/c.yaml", "name: c\nflow: [\n")
    write("flows/d.yaml", "name: d\nconfig: {}\nflow: []\n")
    result = acr.run("push", "flows", "--json")
    error = result.answer["error"]
    assert (result.code, error["code"]) == (1, "INVALID_WORKFLOW")
    assert error["message"] == "Nothing was pushed: flows/b.yaml, flows/c.yaml, flows/d.yaml cannot run."
    found = {(each["file"], each["code"]) for each in error["details"]["diagnostics"]}
    assert {("flows/b.yaml", "UNKNOWN_WORKFLOW"), ("flows/c.yaml", "INVALID_YAML")} <= found
    assert "flows/b.yaml:1:" in result.err
    assert (pushes(acr), stored(acr)) == ([], {})


def test_files_of_another_kind_are_left_out_of_several_and_secrets_are_never_sent(acr: CommandBench) -> None:
    files = [write(f"{name}.yaml", text) for name, text in (("a", calling("a")), ("credentials", "a: secret\n"))]
    several = acr.run("push", *files, write("arcrun.yaml", "account_id: x\n"))
    assert (several.code, several.err.splitlines()[:2], pushes(acr)) == (
        0,
        ["Left out credentials.yaml: it is no workflow.", "Left out arcrun.yaml: it is no workflow."],
        ["a"],
    )
    alone = acr.run("push", "credentials.yaml", "--json")
    assert (alone.code, alone.answer["error"]["code"]) == (1, "NOT_A_WORKFLOW_FILE")
    assert not any(b"secret" in request.content for request in acr.requests)


def test_a_refusal_half_way_tells_what_was_pushed(acr: CommandBench, monkeypatch: pytest.MonkeyPatch) -> None:
    write("flows/a.yaml", calling("a", "b"))
    write("flows/b.yaml", calling("b"))
    save, saved = acr.bench.service.workflows.save, list[str]()

    async def refuse_the_second(source: Any, plan: Any, *more: Any, **options: Any) -> Any:
        if saved:
            raise PayloadTooLargeError("Full.", code="STORAGE_LIMIT")
        saved.append(plan.name)
        return await save(source, plan, *more, **options)

    monkeypatch.setattr(acr.bench.service.workflows, "save", refuse_the_second)
    result = acr.run("push", "flows", "--json")
    error = result.answer["error"]
    assert (result.code, error["code"], error["details"]["pushed"]) == (1, "STORAGE_LIMIT", ["b"])
    assert "flows/a.yaml was refused; pushed before it: b." in result.err


def test_two_files_of_one_name_are_refused_before_anything_is_sent(acr: CommandBench) -> None:
    write("flows/a.yaml", calling("a"))
    write("flows/b.yaml", calling("a"))
    result = acr.run("push", "flows", "--json")
    assert (result.code, result.answer["error"]["code"]) == (1, "DUPLICATE_NAME")
    assert result.answer["error"]["message"] == "flows/a.yaml and flows/b.yaml have the same name, a."
    assert acr.requests == []


def test_a_file_named_twice_is_pushed_once(acr: CommandBench) -> None:
    write("flows/a.yaml", calling("a"))
    assert acr.run("push", "flows", "flows/a.yaml").code == 0
    assert pushes(acr) == ["a"]


def test_workflows_that_call_each_other_go_if_one_is_stored(acr: CommandBench) -> None:
    for name, callee in (("a", "b"), ("b", "c"), ("c", "a")):
        write(f"flows/{name}.yaml", calling(name, callee))
    result = acr.run("push", "flows", "--json")
    assert (result.code, result.answer["error"]["code"], pushes(acr)) == (1, "SUBFLOW_CYCLE", [])
    circle = result.answer["error"]["message"].rpartition(": ")[2].removesuffix(".").split(" -> ")
    assert (circle[0], set(circle), len(circle)) == (circle[-1], {"a", "b", "c"}, 4)
    assert all(("abc" * 2).find(caller + callee) >= 0 for caller, callee in pairwise(circle))
    assert acr.run("push", write("first.yaml", calling("a"))).code == 0
    assert acr.run("push", "flows", "--force").code == 0
    assert stored(acr).keys() == {"a", "b", "c"}


def test_a_workflow_that_calls_itself_is_no_circle(acr: CommandBench) -> None:
    write("flows/a.yaml", calling("a", "a"))
    assert acr.run("push", "flows").code == 0


def test_a_folder_asks_once_for_all_that_come_from_other_files(acr: CommandBench) -> None:
    for name in ("a", "b"):
        acr.run("push", write(f"old/{name}.yaml", calling(name)))
        write(f"new/{name}.yaml", calling(name, comment="new"))
    acr.requests.clear()
    refused = acr.run("push", "new", "--json")
    assert (refused.code, refused.answer["error"]["code"], pushes(acr)) == (1, "WORKFLOW_FROM_OTHER_FILE", [])
    assert refused.answer["error"]["next_actions"] == [
        "See how it differs from what is stored: acr diff a new/a.yaml",
        "See how it differs from what is stored: acr diff b new/b.yaml",
        "If it is another workflow, give it another name.",
        "Or replace what is stored: acr push new --force",
    ]
    assert acr.run("push", "new", confirms=False).code == 1
    assert pushes(acr) == []
    assert acr.run("push", "new", confirms=True).code == 0
    assert {name: each["file"] for name, each in stored(acr).items()} == {"a": "new/a.yaml", "b": "new/b.yaml"}


def test_a_folder_without_a_workflow_is_an_error(acr: CommandBench) -> None:
    write("flows/credentials.yaml", "a: b\n")
    result = acr.run("push", "flows", "--json")
    assert (result.code, result.answer["error"]["code"], acr.requests) == (1, "NO_WORKFLOWS", [])


def test_a_link_out_of_the_folder_is_not_followed(acr: CommandBench, tmp_path_factory: pytest.TempPathFactory) -> None:
    private = tmp_path_factory.mktemp("elsewhere") / "private.yaml"
    private.write_text(calling("private"))
    write("flows/a.yaml", calling("a"))
    Path("flows/b.yaml").symlink_to(private)
    result = acr.run("push", "flows", "--json")
    assert (result.code, result.answer["error"]["code"], acr.requests) == (1, "LINK_LEADS_OUT", [])


WARNED = TEXT.replace("greet", "a").replace("echo]", "echo, echo >> ON_FAIL >> output]")


def test_several_end_with_a_summary_and_repeat_no_warnings(acr: CommandBench) -> None:
    files = [write("a.yaml", WARNED), write("b.yaml", calling("b"))]
    first = acr.run("push", *files)
    again = acr.run("push", *files)
    write("b.yaml", calling("b", "a"))
    changed = acr.run("push", *files)
    assert [each.err.splitlines()[-1] for each in (first, again, changed)] == [
        "2 workflows: 2 pushed",
        "2 workflows: 2 unchanged",
        "2 workflows: 1 pushed, 1 unchanged",
    ]
    assert ["ANSWER_SHOWS_ERROR" in each.err for each in (first, again, changed)] == [True, False, False]
    assert first.out.splitlines() == again.out.splitlines() == [each["webhook_url"] for each in stored(acr).values()]
    assert "ANSWER_SHOWS_ERROR" in acr.run("push", "a.yaml").err  # of one file, they are what was asked for


def test_validate_tells_of_two_files_of_one_name(acr: CommandBench) -> None:
    for path, name in (("flows/a.yaml", "a"), ("flows/b.yaml", "a"), ("flows/c.yaml", "c")):
        write(path, calling(name))
    result = acr.run("validate", "flows", "--json")
    told = {file["file"]: file.get("error", {}).get("code") for file in result.answer["data"]["files"]}
    assert (result.code, told) == (1, {"flows/a.yaml": None, "flows/b.yaml": "DUPLICATE_NAME", "flows/c.yaml": None})
    said = acr.run("validate", "flows")
    assert "flows/a.yaml and flows/b.yaml have the same name, a." in said.err
    assert "3 files: 2 ok, 1 with errors" in said.err


def test_validate_tells_of_a_circle_unless_one_of_it_is_stored(acr: CommandBench) -> None:
    for name, callee in (("a", "b"), ("b", "a")):
        write(f"flows/{name}.yaml", calling(name, callee))
    result = acr.run("validate", "flows", "--json")
    codes = [file["error"]["code"] for file in result.answer["data"]["files"] if "error" in file]
    assert (result.code, codes) == (1, ["SUBFLOW_CYCLE"])
    acr.run("push", write("first.yaml", calling("a")))
    assert acr.run("validate", "flows").code == 0


def test_validate_agrees_with_push_of_the_same_files(acr: CommandBench) -> None:
    files = [write("flows/a.yaml", calling("a", "b")), write("flows/b.yaml", calling("b"))]
    alone = acr.run("validate", files[0], "--json")
    assert (alone.code, [each["code"] for each in alone.answer["data"]["diagnostics"]]) == (1, ["UNKNOWN_WORKFLOW"])
    for arguments in (files, files[::-1], ["flows"]):
        assert acr.run("validate", *arguments).code == 0
    assert acr.run("push", *files).code == 0
