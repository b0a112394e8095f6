"""The workflow on the page of each component (docs/components/), from examples/of_components.

Proves: each is valid, has the component that its page is about, and passes the test that stands below it; those whose
component reaches outside run through the real app, engine, vault and component too, with stubs at the network border.
"""

import json

import pytest

from acr.config.platform_home import find_platform_home
from acr.testing.parse import parse_test_file
from acr.testing.suite import load_suite
from acr.workflows.components_at_hand import ComponentsAtHand
from arcrun.workflows.parse import parse_workflow
from examples import services
from examples.bench import ROOT, Exchange
from examples.cases import AGENT, BOT, CLIENT, GOOGLE, LINE, MODEL, Case, ran
from examples.test_example_workflows import run_case
from fakes.builtins import BUILTINS

AT_HAND = ComponentsAtHand(find_platform_home())
FOLDER = ROOT / "examples/of_components"
PROGRAM = {"version": 1, "output": {"op": "get", "path": "input.people[0].name"}}
TOLD = services.telegram(BOT, {"chat_id": 42, "text": "Backup of db-1: done"})
QUESTION = (
    "Instruction: Give the names of the people of 18 or more.\n\nSample input: "
    '{"people":[{"name":"Someone","age":30},{"name":"Child","age":7}]}'
)

REACHING = [
    Case(
        "http_request",
        "asks the service",
        {"amount": 40, "from": "EUR", "to": "USD"},
        {"result": 50},
        ran("rate amount"),
        (Exchange("GET", "https://rates.example.com/latest?from=EUR&to=USD", {"rate": 1.25}, headers=AGENT),),
    ),
    Case(
        "gmail",
        "writes to whom signed up",
        {"name": "Ada", "email": "ada@example.com"},
        {"id": "18c1", "thread_id": "18c1"},
        ran("mail"),
        (services.gmail(GOOGLE, "ada@example.com", "Welcome, Ada", "Hello Ada, it is good to have you here."),),
        {"google_oauth": GOOGLE},
    ),
    Case(
        "google_sheets",
        "appends a row",
        {"customer": "Ada", "total": 12.5},
        {"range": "Orders!A5:C5", "updated_rows": 1, "updated_columns": 3, "updated_cells": 3},
        ran("append"),
        (
            services.google_token(CLIENT, "ya29.fresh"),
            services.sheet_append("ya29.fresh", "Orders", ["2026-09-21", "Ada", 12.5]),
        ),
        {"google_oauth": json.dumps(CLIENT)},
    ),
    Case(
        "line_notify",
        "tells the customer",
        {"line_id": "U1", "parcel": "P-7"},
        {"message_ids": ["461230966842064897"], "duplicate": False},
        ran("tell"),
        (services.line(LINE, "U1", "Parcel P-7 is on its way."),),
        {"line_channel_access_token": LINE},
    ),
    Case(
        "telegram",
        "tells the chat",
        {"host": "db-1", "status": "done"},
        {"message_id": 7, "chat_id": 42, "message": TOLD.answer["result"]},
        ran("tell"),
        (TOLD,),
        {"telegram_bot_token": BOT},
    ),
    Case(
        "try_catch",
        "takes the usual price",
        {"sku": "T-1"},
        {"price": 9.9, "because": "HTTP_STATUS"},
        ran("outcome usual", ask="failed", price="skipped"),
        (Exchange("GET", "https://prices.example.com/T-1", {}, status=503, headers=AGENT),),
    ),
    Case(
        "embed",
        "keeps the vector",
        {"id": "a1", "text": "How to reset a password"},
        {"was_there": False},
        ran("vector keep"),
        (
            Exchange(
                "POST",
                "https://api.openai.com/v1/embeddings",
                {
                    "object": "list",
                    "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
                    "model": "text-embedding-3-small",
                    "usage": {"prompt_tokens": 5, "total_tokens": 5},
                },
                headers={"content-type": "application/json", "authorization": "Bearer sk-proj-secret"},
                body={
                    "model": "text-embedding-3-small",
                    "input": ["How to reset a password"],
                    "encoding_format": "float",
                    "dimensions": 256,
                },
            ),
        ),
        {"openai": "sk-proj-secret"},
    ),
    Case(
        "ai_transform_compile",
        "applies the program that the model has written",
        {"people": [{"name": "Ada", "age": 36}]},
        {"result": "Ada"},
        ran("program adults"),
        reply=json.dumps(PROGRAM),
        questions=((MODEL, QUESTION),),
    ),
]


def read(component: str) -> str:
    return (FOLDER / f"{component}.yaml").read_text(encoding="utf-8")


def test_each_component_has_a_workflow_with_a_test_and_none_else_has() -> None:
    files = {path.name for path in FOLDER.iterdir()}
    assert files == {f"{name}{suffix}" for name in BUILTINS for suffix in (".yaml", ".test.yaml")}
    reaching = {name for name, contract in BUILTINS.items() if {"network", "ai"} & contract.capabilities}
    # The page of `code` shows it without `hosts`; a question of `llm` has a random code (test_starting_examples.py).
    assert reaching - {"code", "llm"} <= {case.example for case in REACHING}


@pytest.mark.parametrize("component", BUILTINS)
def test_it_has_the_component_and_passes_its_test(component: str) -> None:
    workflow = parse_workflow(read(component)).workflow
    assert workflow is not None
    assert component in {node.component for node in workflow.nodes.values()}
    path = FOLDER / f"{component}.test.yaml"
    suite = load_suite(parse_test_file(path, path.read_text(encoding="utf-8")), AT_HAND)
    assert [suite.run(test).to_json() for test in suite.file.tests if not suite.run(test).has_passed] == []


@pytest.mark.anyio
@pytest.mark.parametrize("case", [pytest.param(case, id=case.example) for case in REACHING])
async def test_what_reaches_outside_runs(case: Case) -> None:
    await run_case(case, read)
