"""The reviewer's decisions on submissions: whether everyone may run a component."""

import logging
from dataclasses import dataclass
from typing import Any

from arcrun.errors import ForbiddenError, RequestError
from arcrun.limits import MAX_DECISION_CHARACTERS
from arcrun.ports import Clock
from arcrun.times import render_time
from registry.callers import Caller
from registry.index import AUTHOR_ONLY, PUBLIC
from registry.refusals import build_taken_error
from registry.registry_object import RegistryObject
from registry.submissions import Submissions

_VISIBILITY = {"approved": PUBLIC, "rejected": AUTHOR_ONLY}

logger = logging.getLogger("arcrun")


@dataclass(frozen=True)
class Decisions:
    """Stores each decision with its time and key id. The last one counts, so an approval can be withdrawn."""

    state: RegistryObject
    submissions: Submissions
    clock: Clock

    async def decide(self, reviewer: Caller, submission_id: str, decision: str, reason: str) -> dict[str, Any]:
        """`decision` is "approved" or "rejected"; the latter needs a reason. Returns the submission.

        Raises ForbiddenError, NotFoundError, RequestError, ConflictError ID_TAKEN.
        """
        submission = await self.submissions.find(reviewer, submission_id)
        if not reviewer.is_reviewer:
            raise ForbiddenError(
                "Only the reviewer may decide.", next_actions=["Use the registry's ARCRUN_REVIEWER_KEY."]
            )
        if len(reason) > MAX_DECISION_CHARACTERS or (decision == "rejected" and not reason.strip()):
            raise RequestError(
                f"`reason` must have at most {MAX_DECISION_CHARACTERS} characters; a rejection needs one."
            )
        row = {
            "decision": decision,
            "reason": reason,
            "key_id": reviewer.key_id,
            "decided_at": render_time(self.clock.now_ms()),
        }
        outcome = await self.state.decide(submission_id, _VISIBILITY[decision], row)
        if outcome == "id_taken":
            raise build_taken_error(submission["canonical_id"])
        logger.info("%s %s by key %s", decision, submission_id, reviewer.key_id)
        return await self.submissions.find(reviewer, submission_id)
