//! add, subtract, diff, start_of and end_of. Years, months, weeks and days go by the calendar of the zone, so that a
//! day may have 23 hours; smaller units go by the clock.

const std = @import("std");
const sdk = @import("sdk");
const duration = @import("duration.zig");
const moment = @import("moment.zig");
const calendar = sdk.calendar;
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Moment = moment.Moment;
const Unit = duration.Unit;
const Wall = calendar.Wall;

/// More than there are from the year 1 to 9999.
const max_months = 12 * 10_000;
const max_days = 4_000_000;
const max_micros = max_days * calendar.day;

pub fn add(ctx: *Context, input: Input, sign: i64) Error!Moment {
    const start = try moment.read(input, "input");
    const span = try duration.read(input);
    if (@abs(span.months) > max_months or @abs(span.days) > max_days or @abs(span.micros) > max_micros) {
        return moment.outOfRange(ctx);
    }
    var instant = start.instant;
    if (span.months != 0 or span.days != 0) {
        const wall = start.zone.wallAt(instant);
        const date = wall.date.addMonths(sign * span.months);
        const days = date.toDays() + sign * span.days;
        // The calendar's days are exact far beyond its years; `show` refuses those.
        if (@abs(days) > max_days) return moment.outOfRange(ctx);
        instant = start.zone.resolve(.{ .date = .fromDays(days), .time = wall.time });
    }
    return .{ .instant = instant + sign * span.micros, .zone = start.zone };
}

/// How many whole units `to` lies after `input`; negative if before.
pub fn diff(input: Input) Error!i64 {
    const start = try moment.read(input, "input");
    const end = try moment.read(input, "to");
    const unit = try duration.readUnit(input);
    if (unit.micros()) |size| return @divTrunc(end.instant - start.instant, size);
    const first = start.zone.wallAt(start.instant);
    const last = start.zone.wallAt(end.instant);
    return switch (unit) {
        .day => wholeDays(first, last),
        .week => @divTrunc(wholeDays(first, last), 7),
        .month => wholeMonths(first, last),
        .quarter => @divTrunc(wholeMonths(first, last), 3),
        else => @divTrunc(wholeMonths(first, last), 12),
    };
}

fn wholeDays(first: Wall, last: Wall) i64 {
    return @divTrunc(last.toMicros() - first.toMicros(), calendar.day);
}

/// As many months as can be added to `first` without passing `last`.
fn wholeMonths(first: Wall, last: Wall) i64 {
    const count = (@as(i64, last.date.year) - first.date.year) * 12 + @as(i64, last.date.month) - first.date.month;
    const reached: Wall = .{ .date = first.date.addMonths(count), .time = first.time };
    const past = reached.toMicros() - last.toMicros();
    if (count > 0 and past > 0) return count - 1;
    return if (count < 0 and past < 0) count + 1 else count;
}

pub fn startOf(input: Input) Error!Moment {
    const start = try moment.read(input, "input");
    return .{ .instant = try findStart(input, start, 0), .zone = start.zone };
}

/// The last millisecond.
pub fn endOf(input: Input) Error!Moment {
    const start = try moment.read(input, "input");
    return .{ .instant = try findStart(input, start, 1) - calendar.second / 1000, .zone = start.zone };
}

const WeekStart = enum { monday, sunday };

/// Where the unit begins, or the next one.
fn findStart(input: Input, at: Moment, next: u8) Error!i64 {
    const unit = try duration.readUnit(input);
    const first_day = try input.optionalChoice(WeekStart, "week_start") orelse .monday;
    const wall = at.zone.wallAt(at.instant);
    if (unit.micros()) |size| {
        // By the clock, so that of an hour that comes twice the right one is kept.
        return at.instant - @mod(wall.time, size) + next * size;
    }
    const date = wall.date;
    const month = date.month;
    const days = date.toDays();
    const in_week = if (first_day == .monday) calendar.weekday(days) else @mod(calendar.weekday(days) + 1, 7);
    const first: calendar.Date = switch (unit) {
        .day => .fromDays(days + next),
        .week => .fromDays(days - in_week + 7 * @as(i64, next)),
        .month => (calendar.Date{ .year = date.year, .month = month }).addMonths(next),
        .quarter => blk: {
            const began: calendar.Date = .{ .year = date.year, .month = (month - 1) / 3 * 3 + 1 };
            break :blk began.addMonths(3 * @as(i64, next));
        },
        else => .{ .year = date.year + next },
    };
    return at.zone.resolve(.{ .date = first });
}
