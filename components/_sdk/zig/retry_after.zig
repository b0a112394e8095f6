//! The header Retry-After (RFC 9110, section 10.2.3): a number of seconds, or a date.

const std = @import("std");
const calendar = @import("calendar.zig");
const clock = @import("clock.zig");

const example = "Sun, 06 Nov 1994 08:49:37 GMT";

/// How many seconds to wait, 0 if the date has passed. Null if the text is neither.
pub fn parse(text: []const u8) ?i64 {
    if (std.fmt.parseInt(u31, text, 10)) |seconds| return seconds else |_| {}
    const due = parseDate(text) orelse return null;
    return @max(0, @divFloor(due - clock.now() + calendar.second - 1, calendar.second));
}

/// An IMF-fixdate (RFC 9110, section 5.6.7), in microseconds since 1970.
fn parseDate(text: []const u8) ?i64 {
    if (text.len != example.len or !std.mem.endsWith(u8, text, " GMT")) return null;
    const day = number(text[5..7], 31) orelse return null;
    const month = for (calendar.month_names, 1..) |name, month| {
        if (std.mem.eql(u8, name[0..3], text[8..11])) break month;
    } else return null;
    const year = number(text[12..16], calendar.max_year) orelse return null;
    const hour = number(text[17..19], 23) orelse return null;
    const minute = number(text[20..22], 59) orelse return null;
    const second = number(text[23..25], 60) orelse return null;
    const date: calendar.Date = .{ .year = @intCast(year), .month = @intCast(month), .day = @intCast(day) };
    return date.toDays() * calendar.day + hour * calendar.hour + minute * calendar.minute + second * calendar.second;
}

fn number(digits: []const u8, max: i64) ?i64 {
    const found = std.fmt.parseInt(u16, digits, 10) catch return null;
    return if (found <= max) found else null;
}
