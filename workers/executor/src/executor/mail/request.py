"""The request of a run that a message has started, as templates see it."""

from collections.abc import Collection, Mapping
from typing import Any

from arcrun.engine.request import PlainRequest
from arcrun.engine.trigger import TriggerKind


class MailRequest(PlainRequest):
    """`envelope_from` is who has sent the message to the platform, empty of a report that it could not be delivered;
    `dmarc` is what the platform knows of its From.
    """

    def __init__(self, input_value: Any, *, envelope_from: str, message_id: str, dmarc: str) -> None:
        super().__init__(input_value)
        self._trigger = {
            "kind": TriggerKind.EMAIL.value,
            "envelope_from": envelope_from,
            "message_id": message_id,
            "dmarc": dmarc,
        }

    def describe(self, fields: Collection[str]) -> Mapping[str, Any]:
        return {**super().describe(fields), "trigger": self._trigger}
