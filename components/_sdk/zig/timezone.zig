//! Time zones: UTC, fixed offsets, and those of the IANA database, which zone_tables.zig holds.

const std = @import("std");
const calendar = @import("calendar.zig");
const tables = @import("zone_tables.zig");

/// What a name of a zone must be, for a message.
pub const wanted = "UTC, an offset like +09:00, or an IANA zone like Europe/Berlin";

/// Which tz database the zones are from.
pub const version = tables.version;

pub const Offset = struct { minutes: i64, name: []const u8 };

pub const Zone = union(enum) {
    utc,
    /// Minutes east of Greenwich.
    fixed: i16,
    named: *const tables.Series,

    /// "UTC", "Z", "+09:00", "-0530" or "Europe/Berlin", without regard to case. Null if it is none of these.
    pub fn parse(text: []const u8) ?Zone {
        for ([_][]const u8{ "UTC", "Z", "GMT", "Etc/UTC", "Etc/GMT" }) |name| {
            if (std.ascii.eqlIgnoreCase(text, name)) return .utc;
        }
        if (parseOffset(text)) |minutes| return .{ .fixed = minutes };
        var names = std.mem.tokenizeScalar(u8, tables.names, ' ');
        for (tables.series_of_names) |place| {
            if (!std.ascii.eqlIgnoreCase(text, names.next().?)) continue;
            return if (place == tables.utc) .utc else .{ .named = &tables.series[place] };
        }
        return null;
    }

    /// What the clocks show at an instant.
    pub fn offsetAt(zone: Zone, instant: i64) Offset {
        return switch (zone) {
            .utc => .{ .minutes = 0, .name = "UTC" },
            .fixed => |minutes| .{ .minutes = minutes, .name = "" },
            .named => |series| blk: {
                const kind = findKind(series, @divFloor(instant, calendar.minute));
                break :blk .{ .minutes = kind.offset, .name = kind.name };
            },
        };
    }

    pub fn wallAt(zone: Zone, instant: i64) calendar.Wall {
        return .fromMicros(instant + zone.offsetAt(instant).minutes * calendar.minute);
    }

    /// The instant of a wall's time: of the two that there are when the clocks go back, the first; of those that are
    /// skipped when they go forward, as much later as they skip. (What Python's zoneinfo does with fold=0.)
    pub fn resolve(zone: Zone, wall: calendar.Wall) i64 {
        const micros = wall.toMicros();
        // No zone changes twice within two days.
        const before = micros - zone.offsetAt(micros - calendar.day).minutes * calendar.minute;
        const after = micros - zone.offsetAt(micros + calendar.day).minutes * calendar.minute;
        if (before == after or micros - zone.offsetAt(before).minutes * calendar.minute == before) return before;
        return if (micros - zone.offsetAt(after).minutes * calendar.minute == after) after else before;
    }
};

/// "+09:00", "+0900", "+09", up to 23:59, as minutes.
pub fn parseOffset(text: []const u8) ?i16 {
    if (text.len < 3 or (text[0] != '+' and text[0] != '-')) return null;
    const hours = parseTwo(text[1..3], 23) orelse return null;
    const rest = text[3..];
    const minutes = switch (rest.len) {
        0 => 0,
        2 => parseTwo(rest, 59) orelse return null,
        3 => if (rest[0] == ':') parseTwo(rest[1..], 59) orelse return null else return null,
        else => return null,
    };
    const size = hours * 60 + minutes;
    return if (text[0] == '-') -size else size;
}

fn parseTwo(text: []const u8, max: i16) ?i16 {
    if (!std.ascii.isDigit(text[0]) or !std.ascii.isDigit(text[1])) return null;
    const size = @as(i16, text[0] - '0') * 10 + (text[1] - '0');
    return if (size <= max) size else null;
}

fn findKind(series: *const tables.Series, minutes: i64) *const tables.Kind {
    const changes = tables.changes[series.first..][0..series.count];
    const after = std.sort.upperBound(u32, changes, minutes, orderChange);
    const last_kind = &tables.kinds[series.own[if (after == 0) 0 else changes[after - 1] & 31]];
    const rule = &tables.rules[series.rule orelse return last_kind];
    if (after < changes.len) return last_kind;
    const since = if (after == 0) 0 else changes[after - 1] >> 5;
    return findByRule(rule, minutes, since) orelse last_kind;
}

fn orderChange(minutes: i64, change: u32) std.math.Order {
    return std.math.order(minutes, change >> 5);
}

/// What the rule's latest change made, if that was after `since`.
fn findByRule(rule: *const tables.Rule, minutes: i64, since: i64) ?*const tables.Kind {
    const year = calendar.Date.fromDays(@divFloor(minutes, 24 * 60)).year;
    const standard = &tables.kinds[rule.standard];
    const summer = &tables.kinds[rule.summer];
    var latest: i64 = since;
    var found: ?*const tables.Kind = null;
    for ([_]i32{ year - 1, year, year + 1 }) |candidate| {
        const started = findDay(rule.start, candidate) - standard.offset;
        const ended = findDay(rule.end, candidate) - summer.offset;
        for ([_]i64{ started, ended }, [_]*const tables.Kind{ summer, standard }) |at, kind| {
            if (at > minutes or at <= latest) continue;
            latest = at;
            found = kind;
        }
    }
    return found;
}

/// Minutes from 1970 to a rule's local time, as if in UTC.
fn findDay(rule_day: tables.Day, year: i32) i64 {
    const first = (calendar.Date{ .year = year, .month = rule_day.month }).toDays();
    // Days of rules count from Sunday, those of the calendar from Monday.
    const weekday = @as(i64, rule_day.weekday) - 1;
    var found = first + @mod(weekday - calendar.weekday(first), 7) + 7 * (@as(i64, rule_day.week) - 1);
    if (found - first >= calendar.monthLength(year, rule_day.month)) found -= 7;
    return found * 24 * 60 + rule_day.minutes;
}

test "zones" {
    const expectEqual = std.testing.expectEqual;
    const berlin = Zone.parse("europe/berlin").?;
    const noon: calendar.Wall = .{ .date = .{ .year = 2026, .month = 7, .day = 1 }, .time = 12 * calendar.hour };
    try expectEqual(120, berlin.offsetAt(noon.toMicros()).minutes);
    try expectEqual(noon.toMicros() - 2 * calendar.hour, berlin.resolve(noon));
    try expectEqual(Zone{ .fixed = -330 }, Zone.parse("-0530").?);
    for ([_][]const u8{ "", "+", "+1", "+24", "+1:00", "+09:60", "+09000", "Europe", "Mars/Base" }) |text| {
        try expectEqual(null, Zone.parse(text));
    }
}
