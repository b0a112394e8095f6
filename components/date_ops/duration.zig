//! How much to add: `amount` and `unit`, or `duration` as ISO 8601 writes it ("P1Y2M10DT2H30M").

const std = @import("std");
const sdk = @import("sdk");
const calendar = sdk.calendar;
const Error = sdk.Error;
const Input = sdk.Input;

pub const Unit = enum {
    year,
    quarter,
    month,
    week,
    day,
    hour,
    minute,
    second,
    millisecond,

    /// Null for those that go by the calendar.
    pub fn micros(unit: Unit) ?i64 {
        return switch (unit) {
            .hour => calendar.hour,
            .minute => calendar.minute,
            .second => calendar.second,
            .millisecond => calendar.second / 1000,
            else => null,
        };
    }
};

pub const Span = struct { months: i64 = 0, days: i64 = 0, micros: i64 = 0 };

const max_amount = 1_000_000_000_000_000;

/// One of the units' names, which may end in s.
pub fn readUnit(input: Input) Error!Unit {
    const wanted = "one of year, quarter, month, week, day, hour, minute, second, millisecond";
    const name = try input.optionalText("unit") orelse return input.missing("unit", wanted);
    const singular = if (std.mem.endsWith(u8, name, "s")) name[0 .. name.len - 1] else name;
    return std.meta.stringToEnum(Unit, singular) orelse input.mistyped("unit", wanted, .{ .string = name });
}

pub fn read(input: Input) Error!Span {
    if (try input.optionalText("duration")) |text| {
        if (input.optionalValue("amount") != null) {
            return input.ctx.failInput("Only one of `amount` and `duration` can be given.", .{});
        }
        return parse(text) orelse {
            return input.mistyped("duration", "a duration of ISO 8601 like P1Y2M10DT2H30M", .{ .string = text });
        };
    }
    const amount = try input.integer("amount", .{ .min = -max_amount, .max = max_amount });
    return switch (try readUnit(input)) {
        .year => .{ .months = amount * 12 },
        .quarter => .{ .months = amount * 3 },
        .month => .{ .months = amount },
        .week => .{ .days = amount * 7 },
        .day => .{ .days = amount },
        // Too much saturates, and is then refused as out of range.
        else => |unit| .{ .micros = amount *| unit.micros().? },
    };
}

/// Whole numbers, of the seconds a decimal one too. Null if it is no duration.
fn parse(source: []const u8) ?Span {
    const negative = std.mem.startsWith(u8, source, "-");
    const text = source[@intFromBool(negative)..];
    if (text.len < 3 or text[0] != 'P') return null;
    var span: Span = .{};
    var designators: []const u8 = "YMWD";
    var at: usize = 1;
    var is_time = false;
    while (at < text.len) {
        if (text[at] == 'T' and !is_time) {
            is_time = true;
            designators = "HMS";
            at += 1;
            if (at == text.len) return null;
        }
        const digits = scanDigits(text[at..]);
        if (digits == 0 or digits > 9) return null;
        const size: i64 = std.fmt.parseInt(i64, text[at..][0..digits], 10) catch return null;
        at += digits;
        var fraction: i64 = 0;
        if (is_time and at < text.len and (text[at] == '.' or text[at] == ',')) {
            const decimals = scanDigits(text[at + 1 ..]);
            if (decimals == 0) return null;
            for (0..6) |i| fraction = fraction * 10 + if (i < decimals) text[at + 1 + i] - '0' else 0;
            at += 1 + decimals;
            if (at == text.len or text[at] != 'S') return null;
        }
        if (at == text.len) return null;
        const place = std.mem.indexOfScalar(u8, designators, text[at]) orelse return null;
        switch (text[at]) {
            'Y' => span.months += size * 12,
            'W' => span.days += size * 7,
            'D' => span.days += size,
            'H' => span.micros += size * calendar.hour,
            'S' => span.micros += size * calendar.second + fraction,
            else => if (is_time) {
                span.micros += size * calendar.minute;
            } else {
                span.months += size;
            },
        }
        designators = designators[place + 1 ..];
        at += 1;
    }
    return if (negative) .{ .months = -span.months, .days = -span.days, .micros = -span.micros } else span;
}

fn scanDigits(text: []const u8) usize {
    for (text, 0..) |char, count| {
        if (!std.ascii.isDigit(char)) return count;
    }
    return text.len;
}
