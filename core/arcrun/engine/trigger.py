"""The kinds of triggers that start a run. To add one, add a member and create a `Trigger` with it.

Records store its value as a string. A record may come from a later version with a kind that is unknown here, so a
stored value is compared with members and never converted to one.
"""

from enum import StrEnum


class TriggerKind(StrEnum):
    WEBHOOK = "webhook"  # the token in a webhook's URL
    NAME = "name"  # the name of a stored workflow, with the API key
    WORKFLOW = "workflow"  # a node of another run, with `detach`
    EXECUTE = "execute"  # POST /execute, with a workflow that is stored nowhere
    SCHEDULE = "schedule"  # a time of its `schedule`
    EMAIL = "email"  # a message to its address
    FAILURE = "failure"  # a failed run of another workflow, which its `failure_of` names
    AFTER = "after"  # a run of another workflow that has succeeded, which its `after` names
    WATCH = "watch"  # an item that its `watch` has found
    POLL = "poll"  # a time of its `watch`, of which the run finds items
    REPLAY = "replay"  # another run, which is replayed or retried


class LimitedBy(StrEnum):
    """What has set the time limit of a run."""

    WORKFLOW = "workflow"  # its timeout_ms, or the default
    REQUEST = "request"  # its timeout_ms
    ASYNCHRONOUS = "asynchronous"  # the platform, for a run that no client waits for
    ACCOUNT = "account"  # the operator of a hosted platform
    NODE = "node"  # the timeout_ms of the node that calls the workflow
