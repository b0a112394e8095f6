"""What the reviewer decides of a submission: that everybody may run it, or that they may not."""

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
    """Each is kept with its time and the key's id; the last one counts, so an approval can be taken back."""

    state: RegistryObject
    submissions: Submissions
    clock: Clock

    async def decide(self, reviewer: Caller, submission_id: str, decision: str, reason: str) -> dict[str, Any]:
        """`decision` is "approved" or "rejected"; the latter needs a reason. Returns the submission.

        Raises ForbiddenError, NotFoundError, RequestError, ConflictError ID_TAKEN.
        """
        submission = await self.submissions.find(reviewer, submission_id)
        if not reviewer.is_reviewer:
            raise ForbiddenError("Only the reviewer decides.", next_actions=["Use the registry's ARCRUN_REVIEWER_KEY."])
        if len(reason) > MAX_DECISION_CHARACTERS or (decision == "rejected" and not reason.strip()):
            raise RequestError(f"`reason` must say why, in at most {MAX_DECISION_CHARACTERS} characters.")
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
