"""`schedule` of a workflow's triggers: the times at which it starts by itself. Imported only for those that have one.

What a cron expression means, and what a zone is, the `cron` component alone says (executor/schedules/times.py).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from arcrun.json_text import write_json
from arcrun.limits import (
    MAX_EVERY_MS,
    MAX_JITTER_MS,
    MAX_SCHEDULE_CHARACTERS,
    MAX_SCHEDULE_INPUT_BYTES,
    MAX_SCHEDULES,
    MIN_EVERY_MS,
)
from arcrun.times import UNITS_MS, read_duration_ms
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.workflows.settings import Reader

UTC_ZONE = "UTC"
_KEYS = ("cron", "every", "at", "zone", "input", "catch_up", "overlap", "jitter")
_EXAMPLE = 'schedule: [{cron: "0 9 * * MON-FRI", zone: Europe/Berlin}], or schedule: [{every: 15m}]'
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:00)?(Z|[+-]\d\d:\d\d)?")
_KEY_DIGITS = 16
CRON_FIELDS = 5


class Timing(StrEnum):
    CRON = "cron"  # an expression of five fields, or such as @daily
    EVERY = "every"  # a duration, counted from the push that has brought it
    AT = "at"  # one moment


class CatchUp(StrEnum):
    """What becomes of times that have passed while the platform was down."""

    NONE = "none"  # the last of them starts a run, if it has just passed
    ONE = "one"  # the last of them starts a run
    ALL = "all"  # each of them does


class Overlap(StrEnum):
    """What becomes of a time while the run of the one before is under way."""

    SKIP = "skip"
    QUEUE = "queue"  # its run begins when that has ended
    ALLOW = "allow"


@dataclass(frozen=True)
class Schedule:
    """`value` is as it was written: the expression, the duration or the moment. `jitter_ms` is the most that a run may
    begin later than its time; None for no more than many schedules of the same time need.
    """

    timing: Timing
    value: str
    zone: str = UTC_ZONE
    input: Any = None
    catch_up: CatchUp = CatchUp.ONE
    overlap: Overlap = Overlap.SKIP
    jitter_ms: int | None = None

    @property
    def every_ms(self) -> int:
        return read_duration_ms(self.value) or MIN_EVERY_MS

    def to_json(self) -> dict[str, Any]:
        """What differs from the default, as it is written."""
        return {**self.rules_to_json(), **({} if self.input is None else {"input": self.input})}

    def rules_to_json(self) -> dict[str, Any]:
        """All but the input, which is read from the plan when a run begins."""
        return {
            self.timing.value: self.value,
            **({"zone": self.zone} if self.zone != UTC_ZONE else {}),
            **({"catch_up": self.catch_up.value} if self.catch_up is not CatchUp.ONE else {}),
            **({"overlap": self.overlap.value} if self.overlap is not Overlap.SKIP else {}),
            **({"jitter": f"{self.jitter_ms}ms"} if self.jitter_ms is not None else {}),
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Schedule":
        [timing] = [each for each in Timing if each.value in stored]
        return cls(
            timing,
            stored[timing.value],
            stored.get("zone", UTC_ZONE),
            stored.get("input"),
            CatchUp(stored.get("catch_up", CatchUp.ONE)),
            Overlap(stored.get("overlap", Overlap.SKIP)),
            load_jitter_ms(stored),
        )


def load_jitter_ms(stored: Mapping[str, Any]) -> int | None:
    """That of the stored rules of a schedule."""
    jitter = stored.get("jitter")
    return None if jitter is None else read_duration_ms(jitter)


def keys_of(schedules: Sequence[Schedule]) -> list[str]:
    """A key for each, which stays the same while its times do: what is known of a schedule outlasts a push that leaves
    them as they are. Of equal ones the second has another than the first.
    """
    keys: list[str] = []
    counts: dict[str, int] = {}
    for schedule in schedules:
        times = f"{schedule.timing} {' '.join(schedule.value.split())} {schedule.zone}"
        counts[times] = counts.get(times, 0) + 1
        keys.append(hashlib.sha256(f"{times} {counts[times]}".encode()).hexdigest()[:_KEY_DIGITS])
    return keys


def parse_schedules(findings: Findings, value: Any, at: Path) -> tuple[Schedule, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_SCHEDULES:
        message = f"`schedule` must be a list of 1 to {MAX_SCHEDULES} schedules"
        findings.add("INVALID_SETTING", message, f"For example: {_EXAMPLE}", at=at)
        return ()
    parsed = (parse_schedule(findings, entry, (*at, number)) for number, entry in enumerate(value))
    return tuple(schedule for schedule in parsed if schedule is not None)


def parse_schedule(findings: Findings, value: Any, at: Path) -> Schedule | None:
    reader = Reader(findings, value, at, _KEYS)
    if not isinstance(value, Mapping):
        return None
    timings = [timing for timing in Timing if timing.value in value]
    if len(timings) != 1:
        message = f"`{_dotted(at)}` needs exactly one of cron, every and at"
        findings.add("INVALID_SETTING", message, f"For example: {_EXAMPLE}", at=at)
        return None
    [timing] = timings
    written = value[timing.value]
    text = written.strip() if isinstance(written, str) else ""
    if problem := _find_problem(timing, text):
        findings.add("INVALID_SETTING", f"`{_dotted((*at, timing.value))}` {problem}", at=(*at, timing.value))
        return None
    schedule = Schedule(
        timing,
        text,
        _parse_zone(findings, value, timing, text, at),
        _parse_input(findings, value["input"], (*at, "input")) if "input" in value else None,
        CatchUp(reader.choice("catch_up", CatchUp.ONE.value, tuple(CatchUp))),
        Overlap(reader.choice("overlap", Overlap.SKIP.value, tuple(Overlap))),
        _parse_jitter(findings, value["jitter"], (*at, "jitter")) if "jitter" in value else None,
    )
    is_repeated = schedule.timing is not Timing.AT
    if is_repeated and schedule.catch_up is CatchUp.ALL and schedule.overlap is Overlap.SKIP:
        message = f"`{_dotted(at)}` catches up all times, and skips all but the first: its run is still under way"
        findings.warn("INVALID_SETTING", message, "Let them wait for each other: overlap: queue", at=(*at, "catch_up"))
    return schedule


def _find_problem(timing: Timing, text: str) -> str:
    """What is wrong with the times, as far as it can be seen without the component: the rest of a sentence."""
    if len(text) > MAX_SCHEDULE_CHARACTERS:
        return f"has more than {MAX_SCHEDULE_CHARACTERS} characters"
    if timing is Timing.EVERY:
        every_ms = read_duration_ms(text)
        if every_ms is None or not MIN_EVERY_MS <= every_ms <= MAX_EVERY_MS:
            return f"must be a duration from 1m to {MAX_EVERY_MS // UNITS_MS['d']}d, such as 15m"
    elif timing is Timing.AT:
        if not _MOMENT.fullmatch(text):
            return "must be a date and a time of day to the minute, such as 2026-12-24T18:00"
    elif not text.startswith("@") and len(text.split()) != CRON_FIELDS:
        return 'must have five fields: minute, hour, day of month, month, day of week, such as "0 9 * * MON-FRI"'
    return ""


def _parse_zone(findings: Findings, value: Mapping[str, Any], timing: Timing, text: str, at: Path) -> str:
    """Its name is checked by the component."""
    if "zone" not in value:
        return UTC_ZONE
    zone, place = value["zone"], (*at, "zone")
    if not isinstance(zone, str) or not 1 <= len(zone) <= MAX_SCHEDULE_CHARACTERS:
        findings.add("INVALID_SETTING", f"`{_dotted(place)}` must be a zone, such as Europe/Berlin", at=place)
    elif timing is Timing.EVERY:
        message = f"`{_dotted(place)}` has no effect: `every` goes by no clock on the wall"
        findings.add("INVALID_SETTING", message, "Remove it, or write the times as `cron`.", at=place)
    elif timing is Timing.AT and has_offset(text):
        message = f"`{_dotted(place)}` is one zone too many: the moment has an offset"
        findings.add("INVALID_SETTING", message, "Keep one of them.", at=place)
    else:
        return zone
    return UTC_ZONE


def has_offset(moment: str) -> bool:
    """Whether the value of an `at` says its zone itself."""
    matched = _MOMENT.fullmatch(moment)
    return matched is not None and matched[2] is not None


def _parse_input(findings: Findings, value: Any, at: Path) -> Any:
    text = write_json(value)
    if len(text) > MAX_SCHEDULE_INPUT_BYTES:
        message = f"`{_dotted(at)}` has more than {MAX_SCHEDULE_INPUT_BYTES} bytes"
        findings.add("INVALID_SETTING", message, "Read it from a store or a service when the run begins.", at=at)
        return None
    if "{{" in text:
        message = f"`{_dotted(at)}` is taken as it is: no template in it is filled in"
        findings.warn("INVALID_SETTING", message, "The time is in `request.trigger.due_at`.", at=at)
    return value


def _parse_jitter(findings: Findings, value: Any, at: Path) -> int | None:
    jitter_ms = read_duration_ms(value) if isinstance(value, str) else None
    if jitter_ms is None or jitter_ms > MAX_JITTER_MS:
        message = f"`{_dotted(at)}` must be a duration of at most {MAX_JITTER_MS // UNITS_MS['m']}m, such as 30s"
        findings.add("INVALID_SETTING", message, at=at)
        return None
    return jitter_ms


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
