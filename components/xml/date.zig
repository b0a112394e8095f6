//! The dates of feeds: ISO 8601 (RFC 3339), or mail's form (RFC 5322, section 3.3, and its older ones).

const std = @import("std");
const sdk = @import("sdk");
const calendar = sdk.calendar;
const Allocator = std.mem.Allocator;

const Zone = struct { name: []const u8, minutes: i64 };
/// RFC 5322, section 4.3, and those of elsewhere whose names mean one zone alone.
const zones = [_]Zone{
    .{ .name = "GMT", .minutes = 0 },     .{ .name = "UT", .minutes = 0 },      .{ .name = "UTC", .minutes = 0 },
    .{ .name = "Z", .minutes = 0 },       .{ .name = "EDT", .minutes = -240 },  .{ .name = "EST", .minutes = -300 },
    .{ .name = "CDT", .minutes = -300 },  .{ .name = "CST", .minutes = -360 },  .{ .name = "MDT", .minutes = -360 },
    .{ .name = "MST", .minutes = -420 },  .{ .name = "PDT", .minutes = -420 },  .{ .name = "PST", .minutes = -480 },
    .{ .name = "WET", .minutes = 0 },     .{ .name = "WEST", .minutes = 60 },   .{ .name = "CET", .minutes = 60 },
    .{ .name = "CEST", .minutes = 120 },  .{ .name = "EET", .minutes = 120 },   .{ .name = "EEST", .minutes = 180 },
    .{ .name = "MSK", .minutes = 180 },   .{ .name = "JST", .minutes = 540 },   .{ .name = "KST", .minutes = 540 },
    .{ .name = "AEST", .minutes = 600 },  .{ .name = "AEDT", .minutes = 660 },  .{ .name = "NZST", .minutes = 720 },
    .{ .name = "NZDT", .minutes = 780 },  .{ .name = "AKDT", .minutes = -480 }, .{ .name = "AKST", .minutes = -540 },
    .{ .name = "HST", .minutes = -600 },
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

/// "Sat, 31 Jan 2026 12:30:00 +0200", of which the weekday, the time, the seconds and the zone may be missing; and what else
/// is found: "31-Jan-2026", "January 31, 2026 12:30 PM", "Sat Jan 31 12:30:00 2026".
fn readMail(text: []const u8) ?i64 {
    var words = std.mem.tokenizeAny(u8, text, " ,\t\r\n");
    var first = words.next() orelse return null;
    if (isName(first) and findMonth(first) == null) first = words.next() orelse return null; // the weekday
    var written: Written = .{};
    if (std.mem.indexOfScalar(u8, first, '-') != null) {
        var parts = std.mem.splitScalar(u8, first, '-');
        written = .{ .day = parts.first(), .month = parts.next() orelse "", .year = parts.rest() };
    } else if (isName(first)) {
        written = .{ .month = first, .day = words.next() orelse return null };
    } else {
        written = .{ .day = first, .month = words.next() orelse return null, .year = words.next() orelse return null };
    }
    while (words.next()) |word| written.add(word);
    return written.toMicros();
}

/// The parts of a date as they are written; empty if they are missing.
const Written = struct {
    day: []const u8 = "",
    month: []const u8 = "",
    year: []const u8 = "",
    time: []const u8 = "",
    half: []const u8 = "",
    zone: []const u8 = "",

    /// What stands behind the day.
    fn add(written: *Written, word: []const u8) void {
        const is_half = std.ascii.eqlIgnoreCase(word, "AM") or std.ascii.eqlIgnoreCase(word, "PM");
        if (written.time.len == 0 and std.mem.indexOfScalar(u8, word, ':') != null) {
            written.time = word;
        } else if (is_half) {
            written.half = word;
        } else if (written.year.len == 0 and std.ascii.isDigit(word[0])) {
            written.year = word;
        } else if (written.zone.len == 0) written.zone = word;
    }

    fn toMicros(written: Written) ?i64 {
        const day = readNumber(written.day, 31) orelse return null;
        const month = findMonth(written.month) orelse return null;
        const year = readNumber(written.year, calendar.max_year) orelse return null;
        const date: calendar.Date = .{
            .year = @intCast(if (written.year.len > 2) year else if (year < 50) year + 2000 else year + 1900),
            .month = month,
            .day = @intCast(day),
        };
        if (day < 1 or day > calendar.monthLength(date.year, month)) return null;
        const time = readTime(if (written.time.len > 0) written.time else "00:00", written.half) orelse return null;
        const offset = readZone(if (written.zone.len > 0) written.zone else "GMT") orelse return null;
        return (calendar.Wall{ .date = date, .time = time }).toMicros() - offset * calendar.minute;
    }
};

fn isName(word: []const u8) bool {
    return std.ascii.isAlphabetic(word[0]) or word[0] >= 0x80;
}

fn findMonth(name: []const u8) ?u8 {
    for (calendar.month_names, 1..) |known, month| {
        if (name.len >= 3 and std.ascii.eqlIgnoreCase(known[0..@min(name.len, known.len)], name)) return @intCast(month);
    }
    return null;
}

/// `half` is empty or of the day's twelve hours.
fn readTime(text: []const u8, half: []const u8) ?i64 {
    var parts = std.mem.splitScalar(u8, text, ':');
    const given = readNumber(parts.first(), if (half.len > 0) 12 else 23) orelse return null;
    const is_afternoon = half.len > 0 and std.ascii.toUpper(half[0]) == 'P';
    const hour = if (half.len == 0) given else @mod(given, 12) + @as(i64, if (is_afternoon) 12 else 0);
    const minute = readNumber(parts.next() orelse return null, 59) orelse return null;
    const second = readNumber(parts.next() orelse "0", 60) orelse return null;
    return hour * calendar.hour + minute * calendar.minute + second * calendar.second;
}

/// A name, or "+0200", "+02:00", "GMT+0200": minutes.
fn readZone(text: []const u8) ?i64 {
    for (zones) |zone| {
        if (std.ascii.eqlIgnoreCase(zone.name, text)) return zone.minutes;
    }
    const sign_at = std.mem.indexOfAny(u8, text, "+-") orelse return null;
    const name = text[0..sign_at];
    if (name.len > 0 and !std.ascii.eqlIgnoreCase(name, "GMT") and !std.ascii.eqlIgnoreCase(name, "UTC")) return null;
    const digits = text[sign_at + 1 ..];
    if (digits.len < 2) return null;
    const hours = readNumber(digits[0..2], 23) orelse return null;
    const minutes_text = std.mem.trimStart(u8, digits[2..], ":");
    const minutes = if (minutes_text.len == 0) 0 else readNumber(minutes_text, 59) orelse return null;
    return (hours * 60 + minutes) * @as(i64, if (text[sign_at] == '-') -1 else 1);
}

fn readNumber(digits: []const u8, max: i64) ?i64 {
    for (digits) |digit| if (!std.ascii.isDigit(digit)) return null;
    if (digits.len == 0 or digits.len > 9) return null;
    const number = std.fmt.parseInt(i64, digits, 10) catch return null;
    return if (number <= max) number else null;
}
