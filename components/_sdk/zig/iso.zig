//! Dates and times of ISO 8601: "2026-01-31T12:30:00.5+02:00", "20260131T1230Z", "2026-W05-6", "2026-031".

const std = @import("std");
const calendar = @import("calendar.zig");
const timezone = @import("timezone.zig");
const Allocator = std.mem.Allocator;
const Date = calendar.Date;
const Wall = calendar.Wall;

/// `offset`, in minutes, is null where the text has none.
pub const Reading = struct { wall: Wall, offset: ?i16 };

/// Null if the text is no date, or one that does not exist.
pub fn parse(text: []const u8) ?Reading {
    var cursor: Cursor = .{ .text = text };
    const date = parseDate(&cursor) orelse return null;
    if (cursor.isAtEnd()) return .{ .wall = .{ .date = date }, .offset = null };
    if (!cursor.skip('T') and !cursor.skip('t') and !cursor.skip(' ')) return null;
    const time = parseTime(&cursor) orelse return null;
    const wall: Wall = .{ .date = date, .time = time };
    const rest = cursor.text[cursor.at..];
    if (rest.len == 0) return .{ .wall = wall, .offset = null };
    if (std.ascii.eqlIgnoreCase(rest, "z")) return .{ .wall = wall, .offset = 0 };
    return .{ .wall = wall, .offset = timezone.parseOffset(rest) orelse return null };
}

const Cursor = struct {
    text: []const u8,
    at: usize = 0,

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

    fn number(cursor: *Cursor, digits: usize, min: u32, max: u32) ?u32 {
        if (cursor.digitsAhead() < digits) return null;
        const found = std.fmt.parseInt(u32, cursor.text[cursor.at..][0..digits], 10) catch return null;
        cursor.at += digits;
        return if (min <= found and found <= max) found else null;
    }
};

fn parseDate(cursor: *Cursor) ?Date {
    const year: i32 = @intCast(cursor.number(4, calendar.min_year, calendar.max_year) orelse return null);
    const is_extended = cursor.skip('-');
    if (cursor.skip('W')) return parseWeek(cursor, year, is_extended);
    const digits = cursor.digitsAhead();
    if (digits == 3) {
        const day_of_year = cursor.number(3, 1, if (calendar.isLeap(year)) 366 else 365) orelse return null;
        return .fromDays((Date{ .year = year }).toDays() + day_of_year - 1);
    }
    const month: u8 = @intCast(cursor.number(2, 1, 12) orelse return null);
    if (is_extended and cursor.isAtEnd()) return .{ .year = year, .month = month };
    if (is_extended != cursor.skip('-')) return null;
    const day = cursor.number(2, 1, calendar.monthLength(year, month)) orelse return null;
    return .{ .year = year, .month = month, .day = @intCast(day) };
}

fn parseWeek(cursor: *Cursor, year: i32, is_extended: bool) ?Date {
    const week = cursor.number(2, 1, 53) orelse return null;
    var weekday: u32 = 1;
    if (!cursor.isAtEnd() and cursor.text[cursor.at] | 0x20 != 't' and cursor.text[cursor.at] != ' ') {
        if (is_extended and !cursor.skip('-')) return null;
        weekday = cursor.number(1, 1, 7) orelse return null;
    }
    // January 4th is always in the first week.
    const fourth = (Date{ .year = year, .day = 4 }).toDays();
    const date: Date = .fromDays(fourth - calendar.weekday(fourth) + (@as(i64, week) - 1) * 7 + weekday - 1);
    if (date.year < calendar.min_year or date.year > calendar.max_year) return null;
    return if (date.isoWeek().week == week) date else null;
}

fn parseTime(cursor: *Cursor) ?i64 {
    const hour: i64 = cursor.number(2, 0, 23) orelse return null;
    const is_extended = cursor.skip(':');
    if (!is_extended and cursor.digitsAhead() == 0) return hour * calendar.hour;
    const minute: i64 = cursor.number(2, 0, 59) orelse return null;
    const minutes = hour * calendar.hour + minute * calendar.minute;
    if (is_extended) {
        if (!cursor.skip(':')) return minutes;
    } else if (cursor.digitsAhead() == 0) return minutes;
    const second: i64 = cursor.number(2, 0, 59) orelse return null;
    const seconds = minutes + second * calendar.second;
    if (!cursor.skip('.') and !cursor.skip(',')) return seconds;
    const digits = cursor.digitsAhead();
    if (digits == 0) return null;
    return seconds + (parseFraction(cursor.text[cursor.at..][0..digits], &cursor.at) orelse return null);
}

/// Digits after the point as microseconds; what is finer is cut off.
fn parseFraction(digits: []const u8, at: *usize) ?i64 {
    var micros: i64 = 0;
    for (0..6) |i| micros = micros * 10 + if (i < digits.len) digits[i] - '0' else 0;
    at.* += digits.len;
    return micros;
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
        "2026-0131",            "202601-31",  "2026-01-31T",     "2026-01-31T24",
        "2026-01-31T1",         "2026-366",   "2026-01-31T12:0", "2026-01-31T12:00:60",
        "2026-01-31T12:00:00.", "2026-W54-1", "2025-W53-1",      "0000-01-01",
        "2026-01-31T12:00x",    "202601",     "2026-W05-8",      "2026-01-31T12:00+25:00",
    }) |text| try std.testing.expectEqual(null, parse(text));
}
