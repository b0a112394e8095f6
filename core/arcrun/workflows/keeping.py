"""What a workflow says about the records of its runs: `record` and `keep_days`."""

from dataclasses import dataclass
from enum import StrEnum


class Recording(StrEnum):
    ALL = "all"
    ERRORS = "errors"
    NONE = "none"
    BEFORE_ANSWER = "before_answer"


@dataclass(frozen=True)
class Keeping:
    """Which runs leave a record, and for how many days, None for as long as the platform keeps them."""

    recording: Recording = Recording.ALL
    days: int | None = None

    def keeps(self, *, is_success: bool) -> bool:
        if self.recording is Recording.ERRORS:
            return not is_success
        return self.recording is not Recording.NONE

    @property
    def comes_first(self) -> bool:
        """Whether an answer says that the record is kept."""
        return self.recording is Recording.BEFORE_ANSWER


KEEPS_ALL = Keeping()
