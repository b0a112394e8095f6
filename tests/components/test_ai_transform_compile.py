"""ai_transform_compile asks Workers AI once, and believes nothing of its answer before it has run."""

import json
from typing import Any

import pytest

from components import wasm_harness as harness

PROGRAM = {
    "version": 1,
    "output": {
        "op": "map",
        "list": {"op": "get", "path": "input.people"},
        "each": {"op": "upper", "text": {"op": "get", "path": "item.name"}},
    },
}
SAMPLE = {"people": [{"name": "Ada"}, {"name": "Bób"}]}
SMALLEST = {"instruction": "Names in capitals.", "sample_input": SAMPLE}
MODEL = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"


class Model(harness.StubHost):
    """Answers `ai_run` with one reply: its value, or {"error": {...}}."""

    def __init__(self, reply: dict[str, Any]) -> None:
        super().__init__()
        self.model_reply = reply

    def reply(self, name: str, request: Any) -> dict[str, Any]:
        if name != "ai_run":
            return super().reply(name, request)
        self.requests.append((name, request))
        if "error" in self.model_reply:
            return {"ok": False, **self.model_reply}
        return {"ok": True, "value": self.model_reply}


def ask(response: Any, **fields: Any) -> harness.Result:
    return harness.run("ai_transform_compile", {**SMALLEST, **fields}, Model({"response": response}))


def test_the_question() -> None:
    result = ask(PROGRAM)
    [(name, request)] = result.host.requests
    assert name == "ai_run"
    system, user = request.pop("messages")
    assert request == {
        "model": MODEL,
        "response_format": {"type": "json_object"},
        "max_tokens": 2048,
        "temperature": 0,
    }
    assert (system["role"], user["role"]) == ("system", "user")
    sample = json.dumps(SAMPLE, ensure_ascii=False, separators=(",", ":"))
    assert user["content"] == f"Instruction: Names in capitals.\n\nSample input: {sample}"
    assert len(system["content"]) < 4000


def test_the_question_explains_every_operation() -> None:
    [(_, request)] = ask(PROGRAM).host.requests
    source = (harness.COMPONENTS / "_sdk" / "zig" / "transform" / "program.zig").read_text("utf-8")
    listed = source.split("pub const Operation = enum {")[1].split("};")[0]
    operations = [name.strip().removeprefix('@"').removesuffix('"') for name in listed.split(",") if name.strip()]
    lines = request["messages"][0]["content"].splitlines()
    assert [name for name in operations if not any(line.startswith(f"{name} ") for line in lines)] == []
    assert "slice list start? end?" in lines


def test_the_example_in_the_question_is_right() -> None:
    [(_, request)] = ask(PROGRAM).host.requests
    prompt = request["messages"][0]["content"]
    example = prompt[prompt.index('{"version":1,"output":{"op":"map"') : prompt.index("The sample only shows")]
    sample = {"people": [{"name": "Ada", "age": 36}, {"name": "Bob", "age": 7}, {"name": "Cid", "age": 40}]}
    checked = harness.run("ai_transform_compile", {"instruction": example, "sample_input": sample})
    assert checked.data["sample_output"] == ["Cid", "Ada"]


def test_another_model_and_another_sample() -> None:
    [(_, request)] = ask({"version": 1, "output": None}, model="@cf/x/y", sample_input=None).host.requests
    assert request["model"] == "@cf/x/y"
    assert request["messages"][1]["content"].endswith("Sample input: null")


ANSWERS = [
    PROGRAM,
    json.dumps(PROGRAM),
    f"```json\n{json.dumps(PROGRAM, indent=2)}\n```",
    f"Here is the program:\n{json.dumps(PROGRAM)}\nIt maps the names.",
]


@pytest.mark.parametrize("response", ANSWERS, ids=["JSON mode", "a text", "fenced", "wordy"])
def test_ways_to_answer(response: Any) -> None:
    assert ask(response).data == {"program": PROGRAM, "sample_output": ["ADA", "BÓB"], "model": MODEL}


@pytest.mark.parametrize("content", ANSWERS[1:], ids=["a text", "fenced", "wordy"])
def test_models_that_answer_as_openai_does(content: str) -> None:
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": content}}]}
    assert harness.run("ai_transform_compile", SMALLEST, Model(answer)).data["program"] == PROGRAM


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [{"message": {"content": None}}]}, {"choices": 1}])
def test_an_answer_of_another_form(answer: dict[str, Any]) -> None:
    assert harness.run("ai_transform_compile", SMALLEST, Model(answer)).error["code"] == "INVALID_RESPONSE"


def test_the_program_runs_elsewhere() -> None:
    made = ask(PROGRAM).data["program"]
    ran = harness.run("ai_transform_run", {"program": made, "input": {"people": [{"name": "é"}]}})
    assert ran.data == {"result": ["É"]}


@pytest.mark.parametrize(
    "response", ["I cannot do that.", "", "} {", '{"version": 1, ', None, 5, [PROGRAM], "{{}"], ids=str
)
def test_an_answer_without_a_program(response: Any) -> None:
    shown = response if isinstance(response, str) else ""
    assert ask(response).error == {
        "code": "INVALID_RESPONSE",
        "retriable": False,
        "message": "The model did not answer with a program. Say it in other words, or try another model.",
        "response": shown,
    }


def test_a_long_answer_is_shown_in_part() -> None:
    assert ask("é" * 1000).error["response"] == "é" * 300


def test_a_program_that_is_not_valid() -> None:
    program = {"version": 1, "output": {"op": "exec", "code": "rm -rf /"}}
    problem = {"path": "/output", "message": 'has the op "exec", which is not known'}
    assert ask(program).error == {
        "code": "INVALID_PROGRAM",
        "retriable": False,
        "message": 'The program is not valid: /output has the op "exec", which is not known.',
        "program": program,
        "problems": [problem],
    }


def test_a_program_that_fails_on_the_sample() -> None:
    assert ask(PROGRAM, sample_input={"people": [{}]}).error == {
        "code": "INVALID_PROGRAM",
        "retriable": False,
        "message": "The program fails on the sample: upper at /output/each: `text` must be a text, not null.",
        "program": PROGRAM,
        "problems": [],
    }


@pytest.mark.parametrize("code", ["AI_NOT_AVAILABLE", "AI_FAILED", "CAPABILITY_NOT_DECLARED"])
def test_errors_of_the_host_are_passed_on(code: str) -> None:
    error = {"code": code, "message": "Why it failed.", "retriable": code == "AI_FAILED"}
    assert harness.run("ai_transform_compile", SMALLEST, Model({"error": error})).error == error


def test_a_program_is_checked_without_ai() -> None:
    result = harness.run("ai_transform_compile", {**SMALLEST, "instruction": json.dumps(PROGRAM)})
    assert result.data == {"program": PROGRAM, "sample_output": ["ADA", "BÓB"], "model": None}
    assert result.host.requests == []


@pytest.mark.parametrize("instruction", ['Make {"a": 1} of it', "{curly}", '{"op": "get"}'])
def test_an_instruction_with_braces_is_still_one(instruction: str) -> None:
    result = ask(PROGRAM, instruction=instruction)
    assert result.data["model"] == MODEL
    assert instruction in result.host.requests[0][1]["messages"][1]["content"]


def test_an_instruction_that_quotes_a_program_is_still_one() -> None:
    """Words around it say what is wanted; only a program alone is taken for one."""
    result = ask(PROGRAM, instruction=f"Like {json.dumps(PROGRAM)}, but sorted")
    assert len(result.host.requests) == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"instruction": None}, "`instruction` must be a text, but it is missing."),
        ({"instruction": ""}, "`instruction` must have 1 to 4000 characters."),
        ({"instruction": "é" * 4001}, "`instruction` must have 1 to 4000 characters."),
        ({"sample_input": "x" * 17_000}, "`sample_input` must have at most 16 KiB as JSON: a few items are enough."),
        ({"model": 5}, "`model` must be a text, not 5."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_input_is_refused_before_anything_is_asked(fields: dict[str, Any], message: str) -> None:
    result = harness.run("ai_transform_compile", {**SMALLEST, **fields}, Model({"response": PROGRAM}))
    assert result.error == {"code": "INVALID_INPUT", "retriable": False, "message": message}
    assert result.host.requests == []


def test_the_longest_instruction() -> None:
    assert ask(PROGRAM, instruction="é" * 4000).data["program"] == PROGRAM
