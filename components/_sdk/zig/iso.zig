//! Dates and times of ISO 8601: "2026-01-31T12:30:00.5+02:00", "20260131T1230Z", "2026-W05-6", "2026-031".

const std = @import("std");
const calendar = @import("calendar.zig");
const timezone = @import("timezone.zig");
const Allocator = std.mem.Allocator;
const Date = calendar.Date;
const Wall = calendar.Wall;

/// `offset`, in minutes, is null where the text has none.
pub const Reading = struct { wall: Wall, offset: ?i16 };

/// Why a text is no date: "the minute must be from 00 to 59".
pub const Problem = []const u8;

/// A text, or what is wrong with it. 24:00:00 is the start of the next day. The second 60 of 23:59:60 in UTC, a leap
/// second, is the next second (RFC 3339, section 5.7); which days have one is not asked. Nor is the zone of a text without
/// an offset: there the second 60 is taken wherever it is a leap second in some zone.
pub const Outcome = union(enum) { date: Reading, problem: Problem };

/// Null if the text is no date, or one that does not exist.
pub fn parse(text: []const u8) ?Reading {
    return switch (read(text)) {
        .date => |reading| reading,
        .problem => null,
    };
}

pub fn read(text: []const u8) Outcome {
    var cursor: Cursor = .{ .text = text };
    const reading = parseWhole(&cursor) catch return .{ .problem = cursor.problem };
    return .{ .date = reading };
}

fn parseWhole(cursor: *Cursor) error{Invalid}!Reading {
    const date = try parseDate(cursor);
    if (cursor.isAtEnd()) return .{ .wall = .{ .date = date }, .offset = null };
    if (!cursor.skip('T') and !cursor.skip('t') and !cursor.skip(' ')) {
        return cursor.fail("after the date only a T or a space and the time can follow");
    }
    const time = try parseTime(cursor);
    _ = cursor.skip(' ');
    const offset = if (cursor.isAtEnd()) null else parseOffset(cursor.rest()) orelse {
        return cursor.fail("after the time only Z or an offset like +02:00 can follow");
    };
    if (cursor.has_leap_second and !isLeapSecond(time, offset)) {
        return cursor.fail(if (offset == null)
            "the second 60, a leap second, is only at the end of a quarter of an hour"
        else
            "the second 60, a leap second, is only at 23:59:60 in UTC");
    }
    // Midnight at the end of a day is the next day's.
    return .{ .wall = .fromMicros((Wall{ .date = date, .time = time }).toMicros()), .offset = offset };
}

fn parseOffset(text: []const u8) ?i16 {
    return if (std.ascii.eqlIgnoreCase(text, "z")) 0 else timezone.parseOffset(text);
}

/// Whether what has the second 60, and so is `time` after midnight, can be 23:59:60 in UTC. Without an offset (in
/// minutes) it can be at each quarter of an hour, as offsets are.
pub fn isLeapSecond(time: i64, offset: ?i16) bool {
    const cycle = if (offset == null) calendar.hour / 4 else calendar.day;
    return @mod(time - calendar.minute * (offset orelse 0), cycle) < calendar.second;
}

const Cursor = struct {
    text: []const u8,
    at: usize = 0,
    problem: Problem = "",
    has_leap_second: bool = false,

    fn fail(cursor: *Cursor, problem: Problem) error{Invalid} {
        cursor.problem = problem;
        return error.Invalid;
    }

    fn rest(cursor: *const Cursor) []const u8 {
        return cursor.text[cursor.at..];
    }

    fn isAtEnd(cursor: *const Cursor) bool {
        return cursor.at == cursor.text.len;
    }

    fn skip(cursor: *Cursor, char: u8) bool {
        if (cursor.isAtEnd() or cursor.text[cursor.at] != char) return false;
        cursor.at += 1;
        return true;
    }

    fn digitsAhead(cursor: *const Cursor) usize {
        var count: usize = 0;
        for (cursor.text[cursor.at..]) |char| {
            if (!std.ascii.isDigit(char)) break;
            count += 1;
        }
        return count;
    }

    /// `problem` is what to say if there is no such number.
    fn number(cursor: *Cursor, digits: usize, min: u32, max: u32, problem: Problem) error{Invalid}!u32 {
        if (cursor.digitsAhead() < digits) return cursor.fail(problem);
        const found = std.fmt.parseInt(u32, cursor.text[cursor.at..][0..digits], 10) catch unreachable;
        cursor.at += digits;
        return if (min <= found and found <= max) found else cursor.fail(problem);
    }
};

fn parseDate(cursor: *Cursor) error{Invalid}!Date {
    const year_problem = "it must begin with a year of four digits, from 0001 on";
    const year: i32 = @intCast(try cursor.number(4, calendar.min_year, calendar.max_year, year_problem));
    const is_extended = cursor.skip('-');
    if (cursor.skip('W')) return parseWeek(cursor, year, is_extended);
    const digits = cursor.digitsAhead();
    if (digits == 3) {
        const last: u32 = if (calendar.isLeap(year)) 366 else 365;
        const day_of_year = try cursor.number(3, 1, last, "the year has no such day");
        return .fromDays((Date{ .year = year }).toDays() + day_of_year - 1);
    }
    const month: u8 = @intCast(try cursor.number(2, 1, 12, "the month must be from 01 to 12"));
    if (is_extended and cursor.isAtEnd()) return .{ .year = year, .month = month };
    if (is_extended != cursor.skip('-')) {
        return cursor.fail("hyphens must stand between year, month and day, or between none of them");
    }
    const day = try cursor.number(2, 1, calendar.monthLength(year, month), "the month has no such day");
    return .{ .year = year, .month = month, .day = @intCast(day) };
}

fn parseWeek(cursor: *Cursor, year: i32, is_extended: bool) error{Invalid}!Date {
    const week = try cursor.number(2, 1, 53, "the week must be from 01 to 53");
    var weekday: u32 = 1;
    if (!cursor.isAtEnd() and cursor.text[cursor.at] | 0x20 != 't' and cursor.text[cursor.at] != ' ') {
        const problem = "the day of the week must be from 1 to 7, with a hyphen before it if the week has one";
        if (is_extended and !cursor.skip('-')) return cursor.fail(problem);
        weekday = try cursor.number(1, 1, 7, problem);
    }
    // January 4th is always in the first week.
    const fourth = (Date{ .year = year, .day = 4 }).toDays();
    const date: Date = .fromDays(fourth - calendar.weekday(fourth) + (@as(i64, week) - 1) * 7 + weekday - 1);
    if (date.year < calendar.min_year or date.year > calendar.max_year) return cursor.fail("the years are 0001 to 9999");
    return if (date.isoWeek().week == week) date else cursor.fail("the year has no such week");
}

/// Microseconds after midnight, up to a whole day. The last part may have a fraction.
fn parseTime(cursor: *Cursor) error{Invalid}!i64 {
    const hour: i64 = try cursor.number(2, 0, 24, "the hour must be from 00 to 24");
    const time = hour * calendar.hour + (try parseRest(cursor));
    if (hour == 24 and time > calendar.day) {
        return cursor.fail("the hour 24 is only 24:00:00, the end of the day");
    }
    return time;
}

/// What follows the hour.
fn parseRest(cursor: *Cursor) error{Invalid}!i64 {
    const is_extended = cursor.skip(':');
    if (!is_extended and cursor.digitsAhead() == 0) return parseFraction(cursor, calendar.hour);
    const minute: i64 = try cursor.number(2, 0, 59, "the minute must be from 00 to 59");
    const minutes = minute * calendar.minute;
    if (if (is_extended) !cursor.skip(':') else cursor.digitsAhead() == 0) {
        return minutes + (try parseFraction(cursor, calendar.minute));
    }
    const second: i64 = try cursor.number(2, 0, 60, "the second must be from 00 to 59");
    cursor.has_leap_second = second == 60;
    return minutes + second * calendar.second + (try parseFraction(cursor, calendar.second));
}

/// So many digits of a fraction count, which is more than microseconds of an hour need; what is finer is cut off.
const fraction_digits = 9;
const fraction_unit = 1_000_000_000;

/// A point or comma with digits, if there is one, as a part of `unit` in microseconds.
fn parseFraction(cursor: *Cursor, unit: i64) error{Invalid}!i64 {
    if (!cursor.skip('.') and !cursor.skip(',')) return 0;
    const count = cursor.digitsAhead();
    if (count == 0) return cursor.fail("digits must follow the decimal point");
    const digits = cursor.rest()[0..count];
    var fraction: i64 = 0;
    for (0..fraction_digits) |i| fraction = fraction * 10 + if (i < count) digits[i] - '0' else 0;
    cursor.at += count;
    return @divTrunc(fraction * unit, fraction_unit);
}

/// "2026-01-31T12:30:00+02:00"; UTC is Z, and a fraction of a second has three digits or six.
pub fn render(allocator: Allocator, instant: i64, zone: timezone.Zone) Allocator.Error![]const u8 {
    const wall = zone.wallAt(instant);
    const micros = wall.part(1, calendar.second);
    var fraction: []const u8 = "";
    if (micros % 1000 != 0) {
        fraction = try allocator.print(".{d:0>6}", .{micros});
    } else if (micros != 0) fraction = try allocator.print(".{d:0>3}", .{micros / 1000});
    return allocator.print("{d:0>4}-{d:0>2}-{d:0>2}T{d:0>2}:{d:0>2}:{d:0>2}{s}{s}", .{
        @as(u32, @intCast(wall.date.year)),
        wall.date.month,
        wall.date.day,
        wall.part(calendar.hour, 24),
        wall.part(calendar.minute, 60),
        wall.part(calendar.second, 60),
        fraction,
        if (zone == .utc) "Z" else try renderOffset(allocator, zone.offsetAt(instant).minutes, ":"),
    });
}

/// "+02:00", or with another separator.
pub fn renderOffset(allocator: Allocator, minutes: i64, separator: []const u8) Allocator.Error![]const u8 {
    const size: u64 = @abs(minutes);
    const sign = if (minutes < 0) "-" else "+";
    return allocator.print("{s}{d:0>2}{s}{d:0>2}", .{ sign, size / 60, separator, size % 60 });
}

test "forms" {
    const noon: Wall = .{ .date = .{ .year = 2026, .month = 1, .day = 31 }, .time = 12 * calendar.hour };
    for ([_][]const u8{
        "2026-01-31T12",           "2026-01-31 12:00", "20260131T120000",
        "2026-W05-6T12:00:00.000", "2026031T12",       "2026-031T1200",
    }) |text| try std.testing.expectEqual(Reading{ .wall = noon, .offset = null }, parse(text).?);
    for ([_][]const u8{
        "",                     "2026",       "2026-1-31",       "2026-02-29",
        "2026-0131",            "202601-31",  "2026-01-31T",     "2026-01-31T24:01",
        "2026-01-31T1",         "2026-366",   "2026-01-31T12:0", "2026-01-31T12:00:60",
        "2026-01-31T12:00:00.", "2026-W54-1", "2025-W53-1",      "0000-01-01",
        "2026-01-31T12:00x",    "202601",     "2026-W05-8",      "2026-01-31T12:00+25:00",
    }) |text| try std.testing.expectEqual(null, parse(text));
}
