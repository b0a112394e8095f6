//! When an expression is due, in a zone whose clocks may change.
//!
//! With `*` in the hour it goes by the clock on the wall: nothing is due in a time that is skipped, and what is
//! repeated is due twice. With fixed hours, as in Vixie's cron, what would be due in a skipped time is due once right after it,
//! and what is repeated is due the first time only.

const std = @import("std");
const sdk = @import("sdk");
const calendar = sdk.calendar;
const Expression = @import("expression.zig").Expression;
const Zone = sdk.timezone.Zone;

/// An expression that is due on no day for so long is never due: the rarest, a leap day on a given weekday, takes 40.
const max_days = 41 * 366;
/// Clocks that are set by more than this, as over the date line, skip no one's appointments.
const max_skipped = 3 * calendar.hour;

pub const Schedule = struct {
    expression: Expression,
    zone: Zone,

    /// The first time that is later than `instant`. Null if there is none.
    pub fn nextAfter(schedule: Schedule, instant: i64) ?i64 {
        const start = (@divFloor(instant, calendar.minute) + 1) * calendar.minute;
        const first_day = schedule.zone.wallAt(start).date.toDays();
        var days = first_day;
        while (days < first_day + max_days) : (days += 1) {
            const date: calendar.Date = .fromDays(days);
            if (date.year > calendar.max_year - 1) return null;
            if (!schedule.expression.hasDate(date)) continue;
            const begin = if (days == first_day) start else schedule.zone.resolve(.{ .date = date });
            // With the first minute of the next day, at which is due what the end of this one skips.
            const end = schedule.zone.resolve(.{ .date = .fromDays(days + 1) }) + calendar.minute;
            if (schedule.findBetween(@max(begin, start), end)) |found| return found;
        }
        return null;
    }

    /// Within one day that the expression has, by whole minutes.
    fn findBetween(schedule: Schedule, begin: i64, end: i64) ?i64 {
        // No zone changes twice within two days, and what a change repeats is over a day after it.
        const offset = schedule.offsetAt(begin - calendar.day);
        const is_plain = offset == schedule.offsetAt(end);
        var instant = begin;
        while (instant < end) {
            const wall: calendar.Wall = if (is_plain) .fromMicros(instant + offset) else schedule.zone.wallAt(instant);
            if (is_plain and !schedule.expression.hour.has(wall.part(calendar.hour, 24))) {
                instant += (60 - @as(i64, wall.part(calendar.minute, 60))) * calendar.minute;
                continue;
            }
            if (if (is_plain) schedule.matches(wall) else schedule.isDue(instant, wall)) return instant;
            instant += calendar.minute;
        }
        return null;
    }

    fn offsetAt(schedule: Schedule, instant: i64) i64 {
        return schedule.zone.offsetAt(instant).minutes * calendar.minute;
    }

    /// On a day on which the clocks change.
    fn isDue(schedule: Schedule, instant: i64, wall: calendar.Wall) bool {
        const is_fixed = !schedule.expression.hour.isStar();
        if (schedule.matches(wall)) return !is_fixed or schedule.zone.resolve(wall) == instant;
        if (!is_fixed) return false;
        const skipped = schedule.offsetAt(instant) - schedule.offsetAt(instant - calendar.minute);
        if (skipped <= 0 or skipped > max_skipped) return false;
        var missed = wall.toMicros() - skipped;
        while (missed < wall.toMicros()) : (missed += calendar.minute) {
            if (schedule.matches(.fromMicros(missed))) return true;
        }
        return false;
    }

    fn matches(schedule: Schedule, wall: calendar.Wall) bool {
        const expression = schedule.expression;
        return expression.minute.has(wall.part(calendar.minute, 60)) and
            expression.hour.has(wall.part(calendar.hour, 24)) and expression.hasDate(wall.date);
    }
};
