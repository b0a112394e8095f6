"""What can start a run. A kind more is a member more here; whoever starts such runs makes a `Trigger` of it.

A record says it by its value, and keeps it as text: one may come from a later version, with a kind that this code does
not know. So what is read is compared with members, and never made one.
"""

from enum import StrEnum


class TriggerKind(StrEnum):
    WEBHOOK = "webhook"  # the token in a webhook's URL
    NAME = "name"  # the name of a stored workflow, with the API key
    EXECUTE = "execute"  # POST /execute, with a workflow that is stored nowhere
