"""What a workflow may refer to: the components, stored workflows and credentials that are there."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from arcrun.contracts.model import Contract
from arcrun.errors import ArcrunError


@dataclass(frozen=True)
class Catalogue:
    """`contracts` by the reference that a node names; `faults` has those that cannot be used, and why.

    `components` are all names, for hints. `workflows` and `credentials` are None where nobody looked.
    """

    contracts: Mapping[str, Contract] = field(default_factory=dict)
    faults: Mapping[str, ArcrunError] = field(default_factory=dict)
    components: Collection[str] = ()
    workflows: Collection[str] | None = None
    credentials: Collection[str] | None = None
