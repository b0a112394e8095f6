"""A pause: what becomes of the requests of a workflow's webhook until the workflow is resumed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class OnTrigger(StrEnum):
    REFUSE = "refuse"  # with 503 and Retry-After
    QUEUE = "queue"  # they are accepted, and their runs begin when the workflow is resumed


@dataclass(frozen=True)
class Pause:
    """`is_of_all` is whether all workflows were paused together, and this one not by itself."""

    on_trigger: OnTrigger
    is_of_all: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"on_trigger": self.on_trigger.value, "all": self.is_of_all}


def load_pause(own: str | None, of_all: str | None) -> Pause | None:
    """The pause that counts, from what the Workspace stores: a workflow's own before that of all. A later version may
    have stored an OnTrigger that is unknown here: it refuses.
    """
    stored = own or of_all
    if not stored:
        return None
    return Pause(OnTrigger.QUEUE if stored == OnTrigger.QUEUE else OnTrigger.REFUSE, is_of_all=not own)
