"""Write zig/zone_tables.zig: all IANA zones, links too, for date_ops and cron, from the package tzdata.

    .venv/bin/python components/_sdk/generate_timezones.py

A zone is kept as what it was on 1970-01-01, its changes since then as far as its present rule does not explain them,
and that rule, which holds for all the years after. Offsets are whole minutes: Africa/Monrovia, which was 44 minutes and
30 seconds behind until January 1972, is 45 minutes behind until then. For a newer tz
database raise tzdata in pyproject.toml, run scripts/lock, write the tables anew, and build date_ops and cron.
"""

import bisect
import io
import struct
import textwrap
import zoneinfo
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

TARGET = Path(__file__).parent / "zig" / "zone_tables.zig"

# What is no zone of a place: where the clock was not set.
NO_ZONES = {"Factory"}

# An offset in minutes, and what it is called.
Kind = tuple[int, str]
# Minutes since 1970, and the kind from then on.
Change = tuple[int, Kind]
# Month, week of the month (5: the last), day of the week (0: Sunday), minutes after local midnight; see RFC 9636.
Day = tuple[int, int, int, int]


@dataclass(frozen=True)
class Rule:
    """Every year anew: `summer` from `start` on, `standard` from `end` on."""

    standard: Kind
    summer: Kind
    start: Day
    end: Day

    def changes(self, year: int) -> list[Change]:
        started = (find_day(year, self.start) - self.standard[0], self.summer)
        ended = (find_day(year, self.end) - self.summer[0], self.standard)
        return sorted([started, ended])


@dataclass(frozen=True)
class Series:
    first: Kind
    changes: tuple[Change, ...]
    rule: Rule | None

    @property
    def kinds(self) -> list[Kind]:
        return list(dict.fromkeys([self.first, *(kind for _, kind in self.changes)]))

    def find_kind(self, minutes: int) -> Kind:
        """As timezone.zig finds it."""
        after = bisect.bisect(self.changes, minutes, key=lambda change: change[0])
        latest = self.changes[after - 1] if after else (0, self.first)
        if self.rule and after == len(self.changes):
            year = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)).year
            ruled = [change for near in (year - 1, year, year + 1) for change in self.rule.changes(near)]
            latest = max([latest, *(change for change in ruled if latest[0] < change[0] <= minutes)])
        return latest[1]


def find_day(year: int, day: Day) -> int:
    """Minutes from 1970 to the local time that a rule names, as if in UTC."""
    month, week, weekday, minutes = day
    first = datetime(year, month, 1, tzinfo=UTC)
    found = first + timedelta(days=(weekday - first.isoweekday()) % 7 + 7 * (week - 1))
    if found.month != month:
        found -= timedelta(days=7)
    return int(found.timestamp()) // 60 + minutes


def load(name: str) -> bytes:
    return resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


def find_names() -> list[str]:
    """Of all zones and links, in order."""
    listed = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return sorted(set(listed) - NO_ZONES)


def find_version() -> str:
    return load("tzdata.zi").split(b"\n", 1)[0].decode().removeprefix("# version ")


def read_zone(name: str) -> Series:
    """A TZif file (RFC 9636), its second part, in which times have 64 bits.

    tzdata's files leave to the rule what it explains. Their last change may change nothing but when the rule begins.
    """
    data = load(name)
    at = 0
    counts = struct.unpack_from(">6l", data, 20)
    at = 44 + counts[3] * 5 + counts[4] * 6 + counts[5] + counts[2] * 8 + counts[1] + counts[0]
    universal, standard, leaps, times, types, letters = struct.unpack_from(">6l", data, at + 20)
    at += 44
    moments = struct.unpack_from(f">{times}q", data, at)
    indices = data[at + 8 * times : at + 9 * times]
    at += 9 * times
    described = [struct.unpack_from(">lBB", data, at + 6 * i) for i in range(types)]
    at += 6 * types
    abbreviations = data[at : at + letters]
    footer = data[at + letters + 12 * leaps + standard + universal :].strip().decode()
    kinds = [(offset // 60, abbreviations[start:].split(b"\0", 1)[0].decode()) for offset, _, start in described]
    first = kinds[0]
    changes: list[Change] = []
    for moment, index in zip(moments, indices, strict=True):
        if moment <= 0:
            first = kinds[index]
        elif kinds[index] != (changes[-1][1] if changes else first) or moment == moments[-1]:
            # The first whole minute that has it.
            changes.append((-(-moment // 60), kinds[index]))
    rule = parse_rule(footer) if "," in footer else None
    return Series(first, tuple(changes), rule)


def check_series(name: str, series: Series) -> None:
    """Compare with what zoneinfo finds on the first of January and July, and around each change."""
    zone = zoneinfo.ZoneInfo.from_file(io.BytesIO(load(name)))
    halves = [datetime(year, month, 1, tzinfo=UTC) for year in range(1970, 2100) for month in (1, 7)]
    moments = [int(moment.timestamp()) // 60 for moment in halves]
    for at in [*moments, *(near for minutes, _ in series.changes for near in (minutes - 1, minutes))]:
        moment = datetime.fromtimestamp(at * 60, zone)
        expected = ((moment.utcoffset() or timedelta()) // timedelta(minutes=1), moment.tzname())
        if series.find_kind(at) != expected:
            raise ValueError(f"{name} is {series.find_kind(at)} at {moment}, and should be {expected}")


def parse_rule(footer: str) -> Rule:
    """A TZ string: CET-1CEST,M3.5.0,M10.5.0/3."""
    names, start, end = footer.split(",")
    standard, rest = split_name(names)
    hours, rest = split_offset(rest)
    summer, rest = split_name(rest)
    summer_hours = split_offset(rest)[0] if rest else hours - 60
    return Rule((-hours, standard), (-summer_hours, summer), parse_day(start), parse_day(end))


def split_name(text: str) -> tuple[str, str]:
    if text.startswith("<"):
        name, _, rest = text[1:].partition(">")
        return name, rest
    length = next((i for i, char in enumerate(text) if not char.isalpha()), len(text))
    return text[:length], text[length:]


def split_offset(text: str) -> tuple[int, str]:
    length = next((i for i, char in enumerate(text) if char not in "+-:0123456789"), len(text))
    return parse_time(text[:length]), text[length:]


def parse_time(text: str) -> int:
    hours, _, minutes = text.lstrip("+-").partition(":")
    size = int(hours) * 60 + int(minutes or 0)
    return -size if text.startswith("-") else size


def parse_day(text: str) -> Day:
    day, _, time = text.partition("/")
    month, week, weekday = day.removeprefix("M").split(".")
    return int(month), int(week), int(weekday), parse_time(time or "2")


HEADER = """\
//! Generated by generate_timezones.py. Do not edit.
// zig fmt: off

pub const version = "{version}";

/// An offset from UTC in minutes, and what it is called.
pub const Kind = struct {{ offset: i16, name: []const u8 }};

/// A local time of every year: week 5 is the month's last, weekday 0 is Sunday, minutes count from midnight.
pub const Day = struct {{ month: u8, week: u8, weekday: u8, minutes: i16 }};

/// Summer time by the present rule, from `start` to `end`. Kinds are places in `kinds`.
pub const Rule = struct {{ standard: u8, summer: u8, start: Day, end: Day }};

/// `changes[first..][0..count]`, after which `rule` holds. `own` are the kinds that occur, that of 1970 first.
pub const Series = struct {{ own: []const u8, first: u16, count: u16, rule: ?u8 }};

/// The names of all zones, in order, each followed by a space; `series_of_names` has their places in `series`.
pub const names = name_list;

/// The series of UTC.
pub const utc = {utc};
"""


def render_list(name: str, kind: str, items: Iterable[str]) -> str:
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) > 116 and line.strip():
            lines.append(line)
            line = "   "
        line += f" {item},"
    return f"\npub const {name} = [_]{kind}{{\n" + "\n".join([*lines, line]) + "\n};\n"


def render_names(names: list[str]) -> str:
    """One text: as slices they would take as much again."""
    lines = textwrap.wrap(" ".join(names), 108, break_long_words=False, break_on_hyphens=False)
    return "\nconst name_list =\n" + " ++\n".join(f'    "{line} "' for line in lines) + ";\n"


def render_day(day: Day) -> str:
    month, week, weekday, minutes = day
    return f".{{ .month = {month}, .week = {week}, .weekday = {weekday}, .minutes = {minutes} }}"


def render_series(all_series: list[Series], kinds: list[Kind], rules: list[Rule]) -> Iterator[str]:
    first = 0
    for series in all_series:
        own = "".join(f"\\x{kinds.index(kind):02x}" for kind in series.kinds)
        rule = "null" if series.rule is None else rules.index(series.rule)
        yield f'.{{ .own = "{own}", .first = {first}, .count = {len(series.changes)}, .rule = {rule} }}'
        first += len(series.changes)


def render_tables() -> str:
    zones = {name: read_zone(name) for name in find_names()}
    for name, series in zones.items():
        check_series(name, series)
    all_series = list(dict.fromkeys(zones.values()))
    rules = list(dict.fromkeys(series.rule for series in all_series if series.rule))
    ruled = [kind for rule in rules for kind in (rule.standard, rule.summer)]
    kinds = list(dict.fromkeys([kind for series in all_series for kind in series.kinds] + ruled))
    described_kinds = (f'.{{ .offset = {offset}, .name = "{name}" }}' for offset, name in kinds)
    described_rules = (
        f".{{ .standard = {kinds.index(rule.standard)}, .summer = {kinds.index(rule.summer)}, "
        f".start = {render_day(rule.start)}, .end = {render_day(rule.end)} }}"
        for rule in rules
    )
    # Minutes since 1970, times 32, plus a place in `own`.
    changes = (minutes * 32 + series.kinds.index(kind) for series in all_series for minutes, kind in series.changes)
    return "".join(
        [
            HEADER.format(version=find_version(), utc=all_series.index(zones["UTC"])),
            render_list("kinds", "Kind", described_kinds),
            render_list("rules", "Rule", described_rules),
            render_list("series", "Series", render_series(all_series, kinds, rules)),
            "\n/// Minutes since 1970, times 32, plus a place in `own`.",
            render_list("changes", "u32", (f"0x{change:X}" for change in changes)),
            render_names(list(zones)),
            render_list("series_of_names", "u16", (str(all_series.index(series)) for series in zones.values())),
        ]
    )


if __name__ == "__main__":
    TARGET.write_text(render_tables(), encoding="utf-8")
