//! The header Retry-After (RFC 9110, section 10.2.3): a number of seconds, or a date.

const std = @import("std");
const calendar = @import("calendar.zig");
const clock = @import("clock.zig");
const Value = @import("json.zig").Value;

const example = "Sun, 06 Nov 1994 08:49:37 GMT";
const asctime_example = "Sun Nov  6 08:49:37 1994";
/// From the comma on.
const rfc850_example = ", 06-Nov-94 08:49:37 GMT";

/// How many seconds to wait by an answer's `headers`, a JSON object. Null if they do not say.
pub fn find(headers: Value) ?i64 {
    if (headers != .object) return null;
    for (headers.object.members()) |header| {
        if (!std.ascii.eqlIgnoreCase(header.name, "retry-after")) continue;
        return parse(std.mem.trim(u8, header.value.scalarText() orelse return null, " \t"));
    }
    return null;
}

/// How many seconds to wait, 0 if the date has passed. Null if the text is neither.
pub fn parse(text: []const u8) ?i64 {
    if (number(text, std.math.maxInt(u31))) |seconds| return seconds;
    const this_year = calendar.Date.fromDays(@divFloor(clock.now(), calendar.day)).year;
    const due = parseDate(text, this_year) orelse return null;
    return @max(0, @divFloor(due - clock.now() + calendar.second - 1, calendar.second));
}

/// An HTTP-date in any of its three forms (RFC 9110, section 5.6.7), in microseconds since 1970.
fn parseDate(text: []const u8, this_year: i64) ?i64 {
    if (text.len == asctime_example.len and std.mem.indexOfScalar(u8, text, ',') == null) {
        const day = std.mem.trimStart(u8, text[8..10], " ");
        return assemble(number(text[20..24], calendar.max_year), text[4..7], day, text[11..19]);
    }
    if (!std.mem.endsWith(u8, text, " GMT")) return null;
    if (text.len == example.len) {
        return assemble(number(text[12..16], calendar.max_year), text[8..11], text[5..7], text[17..25]);
    }
    const comma_at = std.mem.indexOfScalar(u8, text, ',') orelse return null;
    const rest = text[comma_at..];
    if (rest.len != rfc850_example.len) return null;
    return assemble(expandYear(number(rest[9..11], 99), this_year), rest[5..8], rest[2..4], rest[12..20]);
}

/// Two digits that seem to lie more than 50 years ahead are those of the past.
fn expandYear(short: ?i64, this_year: i64) ?i64 {
    const year = (short orelse return null) + @divFloor(this_year, 100) * 100;
    return if (year > this_year + 50) year - 100 else year;
}

/// `time` is "08:49:37".
fn assemble(year: ?i64, month_name: []const u8, day_digits: []const u8, time: []const u8) ?i64 {
    const month = for (calendar.month_names, 1..) |name, month| {
        if (std.mem.eql(u8, name[0..3], month_name)) break month;
    } else return null;
    const date: calendar.Date = .{
        .year = @intCast(year orelse return null),
        .month = @intCast(month),
        .day = @intCast(number(day_digits, 31) orelse return null),
    };
    const hour = number(time[0..2], 23) orelse return null;
    const minute = number(time[3..5], 59) orelse return null;
    const second = number(time[6..8], 60) orelse return null;
    return date.toDays() * calendar.day + hour * calendar.hour + minute * calendar.minute + second * calendar.second;
}

fn number(digits: []const u8, max: i64) ?i64 {
    for (digits) |digit| if (!std.ascii.isDigit(digit)) return null;
    if (digits.len == 0) return null;
    const found = std.fmt.parseInt(i64, digits, 10) catch return null;
    return if (found <= max) found else null;
}

test parseDate {
    const expected = 784111777 * calendar.second;
    try std.testing.expectEqual(expected, parseDate(example, 2026));
    try std.testing.expectEqual(expected, parseDate(asctime_example, 2026));
    try std.testing.expectEqual(expected, parseDate("Sunday" ++ rfc850_example, 2026));
    try std.testing.expectEqual(null, parseDate("Sun, 06 Nov 1994 08:49:37 CET", 2026));
    try std.testing.expectEqual(null, parseDate("Sun, 06 Nob 1994 08:49:37 GMT", 2026));
    try std.testing.expectEqual(null, parseDate("Sun, 06 Nov 1994 24:49:37 GMT", 2026));
    try std.testing.expectEqual(null, number("+5", 10));
    try std.testing.expectEqual(null, number("1_0", 10));
    try std.testing.expectEqual(null, number("", 10));
}
