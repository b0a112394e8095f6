"""The alarm of a Durable Object: one at a time, kept until it goes off."""


class FakeAlarm:
    """`delay_ms` is that of the alarm that is set, None if none is. `settings` counts how often it was set."""

    def __init__(self) -> None:
        self.delay_ms: float | None = None
        self.settings = 0

    def set(self, delay_ms: float) -> None:
        self.delay_ms = delay_ms
        self.settings += 1

    def clear(self) -> None:
        self.delay_ms = None

    def go_off(self) -> None:
        assert self.delay_ms is not None, "no alarm is set"
        self.delay_ms = None
