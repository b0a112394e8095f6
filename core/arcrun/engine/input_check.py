"""Checks the input of a workflow against its `input_schema`, before anything of it runs."""

from typing import Any

from arcrun.engine.budget import RunBudget
from arcrun.engine.context import Components
from arcrun.errors import ComponentError, InputError
from arcrun.wasm.abi import Outcome
from arcrun.workflows.plan import Plan

VALIDATOR_ID = "validate_json"
SCHEMA_REFUSED = "The input_schema cannot be used: "  # what an error's message begins with


def read_mismatches(outcome: Outcome) -> list[tuple[str, str]]:
    """What validate_json has found, each as (field, message). Raises ComponentError INVALID_CONTRACT."""
    if outcome.error is not None:
        raise ComponentError(
            f"{SCHEMA_REFUSED}{outcome.error.message}",
            code="INVALID_CONTRACT",
            next_actions=["Use only keywords that validate_json supports: acr docs components/validate_json."],
        )
    return [(_name_field(error["path"]), str(error["message"])) for error in outcome.envelope["data"]["errors"]]


def _name_field(pointer: str) -> str:
    """A JSON Pointer as a dotted path: `/items/0/name` is `items.0.name`."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return ".".join(steps) or "the input"


async def require_input(plan: Plan, value: Any, components: Components, budget: RunBudget) -> None:
    """Raises InputError with details {"findings": [{"field", "message"}]}, at most 100; ComponentError, UpstreamError,
    CpuBudgetError.
    """
    if plan.input_schema is None:
        return
    found = await components.find_mismatches(plan.input_schema, value, budget)
    if not found:
        return
    field, message = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    raise InputError(
        f"The input does not fit `{plan.name}`: {field} {message}{more}.",
        next_actions=["Correct what details.findings lists, and send it again."],
        details={"findings": [{"field": field, "message": message} for field, message in found]},
    )
