"""What an API key may do: `read`, `run`, `push` or `admin`, each with all of those before, in all workflows or one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

ACCESS_KEY_PREFIX = "acrk_"
HIDDEN = "…"  # what stands for a token in the answers to a key that may only read


class Right(IntEnum):
    """`READ` sees workflows, records and what is stored, but nothing that would start or decide something. `RUN` runs
    what is stored. `PUSH` changes workflows, and so can use every credential. `ADMIN` may do all, keys included.
    """

    READ = 1
    RUN = 2
    PUSH = 3
    ADMIN = 4

    @property
    def word(self) -> str:
        return self.name.lower()


RIGHTS = {right.word: right for right in Right}


@dataclass(frozen=True)
class Grant:
    """`workflow` is the only one for which it counts; empty for all."""

    right: Right
    workflow: str = ""

    def describe(self) -> str:
        """`can run in greet`, for the audit log."""
        return f"can {self.right.word}" + (f" in {self.workflow}" if self.workflow else "")

    def to_terms(self) -> dict[str, str]:
        """What is stored of it, sealed."""
        return {"can": self.right.word, "workflow": self.workflow}


def read_grant(terms: Mapping[str, Any]) -> Grant:
    """Of stored terms. A later version may have a right that is unknown here: it gets the least."""
    return Grant(RIGHTS.get(terms["can"], Right.READ), terms["workflow"])


OWNER = Grant(Right.ADMIN)  # of the account's own key
