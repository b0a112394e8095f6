"""Puts the next steps of a Worker's error into the command line's terms: the Workers name routes and query parameters,
a command has options.

This is the one place for it: all answers of Workers pass through. tests/cli/targets/test_advice.py finds the steps in
the Workers' sources that name HTTP.
"""

import re
from typing import Any

Answer = dict[str, Any]

# An HTTP step, and the command line's as a replacement of re.sub. An empty one is left out.
_STEPS = {
    r"Raise the request's timeout_ms: \?timeout_ms=(\d+), which the workflow allows\.": (
        r"Raise --timeout-ms: the workflow allows \1."
    ),
    r"(Wait|Or wait) for the run's end: omit `async`\.": r"\1 for the run's end: omit --async.",
    r"Set a shorter limit: \?async=1&timeout_ms=(\d+)\.": r"Set a shorter limit: --async --timeout-ms \1.",
    r'Or, if this file replaces the other one, push with "force": true\.': (
        "Or, if this file replaces the other one: acr push FILE --force"
    ),
    r"Run only the component on this input: POST /execute with \{component, input\}\.": "",
    r"Use the submission_id in the answer of POST /submit\.": "Use the id that acr parts publish has printed.",
    r"List the components: acr parts list, or GET /components\?q=\.\.\.": "List the components: acr parts list",
    r"(since|until)=(\S+) or (since|until)=(\S+)": r"--\1 \2 or --\3 \4",
}
_COMPILED = [(re.compile(pattern), step) for pattern, step in _STEPS.items()]
_SHOW_NODE = "Look at what the node got: acr logs {} --json"


def put_into_options(answer: Answer) -> Answer:
    """The answer with next steps that name options and commands. It is a refusal of a Worker, otherwise unchanged."""
    error = answer["error"]
    if "next_actions" not in error:
        return answer
    run_id = answer.get("run_id")
    told = [_translate(action) for action in error["next_actions"]]
    if "" in told and isinstance(run_id, str):
        told.append(_SHOW_NODE.format(run_id))
    return {**answer, "error": {**error, "next_actions": [action for action in told if action]}}


def _translate(action: str) -> str:
    for pattern, step in _COMPILED:
        if found := pattern.fullmatch(action):
            return found.expand(step)
    return action
