"""Builds the errors of refused submissions."""

from arcrun.contracts.model import Contract
from arcrun.errors import ArcrunError, ConflictError
from arcrun.registry.review import Review


class SubmissionError(ArcrunError):
    """A component that did not pass its review. `details` lists all steps; code and message are the failed step's."""

    code = "SUBMISSION_REFUSED"
    http_status = 422


def build_refusal(review: Review) -> SubmissionError:
    step = review.failure
    assert step is not None
    return SubmissionError(
        f"{step.name.value}: {step.findings[0]}",
        code=step.code,
        next_actions=step.next_actions or ["Correct the component, try it with `acr parts test`, and submit it again."],
        details={"step": step.name.value, "steps": [each.to_json() for each in review.steps]},
    )


def build_conflict(outcome: str, contract: Contract) -> ConflictError:
    """`outcome` is the index's: "version_exists" or "id_taken"."""
    if outcome == "version_exists":
        return ConflictError(
            f"`{contract.canonical_id}@{contract.version}` exists with other content, and a version never changes.",
            code="VERSION_EXISTS",
            next_actions=[f"Set `version: v{int(contract.version[1:]) + 1}` in contract.yaml and submit it."],
        )
    return build_taken_error(contract.canonical_id)


def build_taken_error(canonical_id: str) -> ConflictError:
    return ConflictError(
        f"`{canonical_id}` is the id of another author's public component.",
        code="ID_TAKEN",
        next_actions=["Choose another canonical_id in contract.yaml."],
    )
