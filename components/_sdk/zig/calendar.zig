//! The proleptic Gregorian calendar. Days count from 1970-01-01, times in microseconds.

const std = @import("std");

pub const second: i64 = 1_000_000;
pub const minute = 60 * second;
pub const hour = 60 * minute;
pub const day = 24 * hour;

pub const min_year = 1;
pub const max_year = 9999;

pub const month_names = [_][]const u8{
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December",
};
/// From Monday on.
pub const weekday_names = [_][]const u8{
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
};

pub const Date = struct {
    year: i32,
    month: u8 = 1,
    day: u8 = 1,

    /// How many days after 1970-01-01. (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms")
    pub fn toDays(date: Date) i64 {
        // Years begin in March, so that the leap day is their last.
        const year: i64 = if (date.month <= 2) date.year - 1 else date.year;
        const era = @divFloor(year, 400);
        const year_of_era = year - era * 400;
        const month: i64 = @mod(@as(i64, date.month) + 9, 12);
        const day_of_year = @divTrunc(153 * month + 2, 5) + date.day - 1;
        const day_of_era = year_of_era * 365 + @divTrunc(year_of_era, 4) - @divTrunc(year_of_era, 100) + day_of_year;
        return era * 146097 + day_of_era - 719468;
    }

    pub fn fromDays(days: i64) Date {
        const shifted = days + 719468;
        const era = @divFloor(shifted, 146097);
        const day_of_era = shifted - era * 146097;
        const leap_days = @divTrunc(day_of_era, 1460) - @divTrunc(day_of_era, 36524) + @divTrunc(day_of_era, 146096);
        const year_of_era = @divTrunc(day_of_era - leap_days, 365);
        const first = 365 * year_of_era + @divTrunc(year_of_era, 4) - @divTrunc(year_of_era, 100);
        const day_of_year = day_of_era - first;
        const month = @divTrunc(5 * day_of_year + 2, 153);
        return .{
            .year = @intCast(year_of_era + era * 400 + @intFromBool(month >= 10)),
            .month = @intCast(if (month < 10) month + 3 else month - 9),
            .day = @intCast(day_of_year - @divTrunc(153 * month + 2, 5) + 1),
        };
    }

    /// 1 to 366.
    pub fn dayOfYear(date: Date) i64 {
        return date.toDays() - (Date{ .year = date.year }).toDays() + 1;
    }

    /// So many months later, on the same day or, where the month has none, on its last.
    pub fn addMonths(date: Date, count: i64) Date {
        const months = @as(i64, date.year) * 12 + date.month - 1 + count;
        const year: i32 = @intCast(@divFloor(months, 12));
        const month: u8 = @intCast(@mod(months, 12) + 1);
        return .{ .year = year, .month = month, .day = @min(date.day, monthLength(year, month)) };
    }

    /// The year and number of the week (ISO 8601), which belongs to the year that has its Thursday.
    pub fn isoWeek(date: Date) struct { year: i32, week: i64 } {
        const days = date.toDays();
        const thursday: Date = .fromDays(days - weekday(days) + 3);
        return .{ .year = thursday.year, .week = @divTrunc(thursday.dayOfYear() - 1, 7) + 1 };
    }
};

/// 0 for Monday to 6 for Sunday.
pub fn weekday(days: i64) i64 {
    return @mod(days + 3, 7);
}

pub fn isLeap(year: i32) bool {
    return @mod(year, 4) == 0 and (@mod(year, 100) != 0 or @mod(year, 400) == 0);
}

pub fn monthLength(year: i32, month: u8) u8 {
    return switch (month) {
        2 => if (isLeap(year)) 29 else 28,
        4, 6, 9, 11 => 30,
        else => 31,
    };
}

/// A date and the time of its day, as on the wall somewhere.
pub const Wall = struct {
    date: Date,
    /// Microseconds after midnight.
    time: i64 = 0,

    pub fn toMicros(wall: Wall) i64 {
        return wall.date.toDays() * day + wall.time;
    }

    pub fn fromMicros(micros: i64) Wall {
        return .{ .date = .fromDays(@divFloor(micros, day)), .time = @mod(micros, day) };
    }

    /// How many whole `unit`s of the day have passed, in their own cycle: `wall.part(minute, 60)`.
    pub fn part(wall: Wall, unit: i64, cycle: i64) u32 {
        return @intCast(@mod(@divFloor(wall.time, unit), cycle));
    }
};

test "dates and days" {
    const expectEqual = std.testing.expectEqual;
    try expectEqual(0, (Date{ .year = 1970 }).toDays());
    try expectEqual(11016, (Date{ .year = 2000, .month = 2, .day = 29 }).toDays());
    var days: i64 = (Date{ .year = 1 }).toDays();
    while (days < 3_000_000) : (days += 13) try expectEqual(days, Date.fromDays(days).toDays());
    try expectEqual(3, weekday(0));
    const last: Date = .{ .year = 2023, .month = 12, .day = 31 };
    try expectEqual(Date{ .year = 2024, .month = 2, .day = 29 }, last.addMonths(2));
    try expectEqual(53, (Date{ .year = 2021, .month = 1, .day = 3 }).isoWeek().week);
}
