//! The dates of feeds: ISO 8601 (RFC 3339), or mail's form (RFC 5322, section 3.3, and its older ones).

const std = @import("std");
const sdk = @import("sdk");
const calendar = sdk.calendar;
const Allocator = std.mem.Allocator;

const Zone = struct { name: []const u8, minutes: i64 };
/// RFC 5322, section 4.3.
const zones = [_]Zone{
    .{ .name = "GMT", .minutes = 0 },    .{ .name = "UT", .minutes = 0 },     .{ .name = "UTC", .minutes = 0 },
    .{ .name = "Z", .minutes = 0 },      .{ .name = "EDT", .minutes = -240 }, .{ .name = "EST", .minutes = -300 },
    .{ .name = "CDT", .minutes = -300 }, .{ .name = "CST", .minutes = -360 }, .{ .name = "MDT", .minutes = -360 },
    .{ .name = "MST", .minutes = -420 }, .{ .name = "PDT", .minutes = -420 }, .{ .name = "PST", .minutes = -480 },
};

/// In UTC, to the second: "2026-01-31T12:30:00Z". Null if it is no date. Without an offset UTC is meant.
pub fn toIso(allocator: Allocator, text: []const u8) Allocator.Error!?[]const u8 {
    const micros = readIso(text) orelse readMail(text) orelse return null;
    const wall: calendar.Wall = .fromMicros(micros);
    if (wall.date.year < calendar.min_year or wall.date.year > calendar.max_year) return null;
    return try allocator.print("{d:0>4}-{d:0>2}-{d:0>2}T{d:0>2}:{d:0>2}:{d:0>2}Z", .{
        @as(u32, @intCast(wall.date.year)), wall.date.month,                wall.date.day,
        wall.part(calendar.hour, 24),       wall.part(calendar.minute, 60), wall.part(calendar.second, 60),
    });
}

fn readIso(text: []const u8) ?i64 {
    const reading = sdk.iso.parse(text) orelse return null;
    return reading.wall.toMicros() - @as(i64, reading.offset orelse 0) * calendar.minute;
}

/// "Sat, 31 Jan 2026 12:30:00 +0200"; the weekday and the seconds may be missing.
fn readMail(text: []const u8) ?i64 {
    const start = if (std.mem.indexOfScalar(u8, text, ',')) |comma| comma + 1 else 0;
    var words = std.mem.tokenizeAny(u8, text[start..], " \t\r\n");
    const day = readNumber(words.next() orelse return null, 31) orelse return null;
    const month = findMonth(words.next() orelse return null) orelse return null;
    const year_text = words.next() orelse return null;
    const year = readNumber(year_text, calendar.max_year) orelse return null;
    const date: calendar.Date = .{
        .year = @intCast(if (year_text.len > 2) year else if (year < 50) year + 2000 else year + 1900),
        .month = month,
        .day = @intCast(day),
    };
    if (day < 1 or day > calendar.monthLength(date.year, month)) return null;
    const time = readTime(words.next() orelse "00:00") orelse return null;
    const offset = readZone(words.next() orelse "GMT") orelse return null;
    return (calendar.Wall{ .date = date, .time = time }).toMicros() - offset * calendar.minute;
}

fn findMonth(name: []const u8) ?u8 {
    for (calendar.month_names, 1..) |known, month| {
        if (name.len >= 3 and std.ascii.eqlIgnoreCase(known[0..@min(name.len, known.len)], name)) return @intCast(month);
    }
    return null;
}

fn readTime(text: []const u8) ?i64 {
    var parts = std.mem.splitScalar(u8, text, ':');
    const hour = readNumber(parts.first(), 23) orelse return null;
    const minute = readNumber(parts.next() orelse return null, 59) orelse return null;
    const second = readNumber(parts.next() orelse "0", 60) orelse return null;
    return hour * calendar.hour + minute * calendar.minute + second * calendar.second;
}

fn readZone(text: []const u8) ?i64 {
    for (zones) |zone| {
        if (std.ascii.eqlIgnoreCase(zone.name, text)) return zone.minutes;
    }
    if (text.len != 5 or (text[0] != '+' and text[0] != '-')) return null;
    const hours = readNumber(text[1..3], 23) orelse return null;
    const minutes = readNumber(text[3..5], 59) orelse return null;
    return (hours * 60 + minutes) * @as(i64, if (text[0] == '-') -1 else 1);
}

fn readNumber(digits: []const u8, max: i64) ?i64 {
    for (digits) |digit| if (!std.ascii.isDigit(digit)) return null;
    if (digits.len == 0 or digits.len > 9) return null;
    const number = std.fmt.parseInt(i64, digits, 10) catch return null;
    return if (number <= max) number else null;
}
