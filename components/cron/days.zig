//! Days that have no number of their own: L, L-3, LW and 15W in the day of the month, FRIL and FRI#2 in the day of the
//! week. (Quartz, "CronExpression"; but days of the week keep crontab's numbers: 5 is Friday.)

const std = @import("std");
const sdk = @import("sdk");
const calendar = sdk.calendar;
const Date = calendar.Date;

pub const max_before_last = 30;
pub const max_place = 5;

/// A day of each month. Of the days of the week 0 is Sunday.
pub const Day = union(enum) {
    /// L is 0 days before the month's last, L-3 is 3.
    before_last: u8,
    /// 15W: the weekday, Monday to Friday, that is nearest to a day and in the same month.
    nearest: u8,
    /// LW, L-3W: the one that is nearest to a day counted from the last.
    nearest_before_last: u8,
    /// FRIL: the last one of the month.
    last: u8,
    /// FRI#2: the second one. A month without a fifth has none.
    nth: struct { weekday: u8, place: u8 },

    pub fn has(day: Day, date: Date) bool {
        const length = calendar.monthLength(date.year, date.month);
        return switch (day) {
            .before_last => |before| date.day + before == length,
            .nearest => |wanted| wanted <= length and date.day == nearestWeekday(date, wanted),
            .nearest_before_last => |before| before < length and date.day == nearestWeekday(date, length - before),
            .last => |weekday| weekdayOf(date) == weekday and date.day + 7 > length,
            .nth => |nth| weekdayOf(date) == nth.weekday and (date.day - 1) / 7 + 1 == nth.place,
        };
    }
};

pub fn weekdayOf(date: Date) u8 {
    return @intCast(@mod(calendar.weekday(date.toDays()) + 1, 7));
}

/// The day of the month of `date`, Monday to Friday, that is nearest to its day `wanted`.
fn nearestWeekday(date: Date, wanted: u8) u8 {
    const length = calendar.monthLength(date.year, date.month);
    return switch (weekdayOf(.{ .year = date.year, .month = date.month, .day = wanted })) {
        6 => if (wanted > 1) wanted - 1 else wanted + 2,
        0 => if (wanted < length) wanted + 1 else wanted - 2,
        else => wanted,
    };
}

/// L, L-3, LW, L-3W, 15W. Null if the text is none of these.
pub fn parseOfMonth(text: []const u8) ?Day {
    const ends_in_w = text.len > 1 and std.ascii.toUpper(text[text.len - 1]) == 'W';
    const body = text[0 .. text.len - @intFromBool(ends_in_w)];
    if (body.len == 0) return null;
    if (std.ascii.toUpper(body[0]) == 'L') {
        var before: u8 = 0;
        if (body.len > 1) {
            before = if (body[1] == '-') parseDigits(body[2..]) orelse return null else return null;
            if (before > max_before_last) return null;
        }
        return if (ends_in_w) .{ .nearest_before_last = before } else .{ .before_last = before };
    }
    const wanted = parseDigits(body) orelse return null;
    return if (ends_in_w and 1 <= wanted and wanted <= 31) .{ .nearest = wanted } else null;
}

/// What is behind the day of the week: L or #2. Null if it is none of these.
pub fn parseOfWeek(weekday: u8, ending: []const u8) ?Day {
    if (ending.len == 1 and std.ascii.toUpper(ending[0]) == 'L') return .{ .last = weekday };
    if (ending.len < 2 or ending[0] != '#') return null;
    const place = parseDigits(ending[1..]) orelse return null;
    return if (1 <= place and place <= max_place) .{ .nth = .{ .weekday = weekday, .place = place } } else null;
}

pub fn parseDigits(text: []const u8) ?u8 {
    if (text.len == 0 or text.len > 2) return null;
    for (text) |char| {
        if (!std.ascii.isDigit(char)) return null;
    }
    return std.fmt.parseInt(u8, text, 10) catch null;
}
