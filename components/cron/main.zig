//! cron: whether a cron expression is valid, when it is due next, and what it says in words.

const std = @import("std");
const sdk = @import("sdk");
const describe = @import("describe.zig");
const expression = @import("expression.zig");
const Schedule = @import("schedule.zig").Schedule;
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;
const Zone = sdk.timezone.Zone;

const default_count = 5;
const max_count = 100;
const first_year = 2;
const last_year = 9998;

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const text = try input.text("cron_expr");
    const zone = try readZone(input);
    const from = try readFrom(input, zone);
    const count = try input.optionalInteger("count", .{ .max = max_count }) orelse default_count;
    const reading = try expression.parse(ctx, text);
    const parsed = switch (reading) {
        .invalid => |problems| return ctx.value(.{
            .valid = false,
            .errors = problems,
            .next = @as([]const Value, &.{}),
            .description = @as(?[]const u8, null),
        }),
        .valid => |parsed| parsed,
    };
    var next: std.ArrayList(Value) = .empty;
    var schedule: Schedule = .{ .expression = parsed, .zone = zone };
    var after = from;
    for (0..@intCast(count)) |_| {
        after = schedule.nextAfter(after) orelse break;
        try next.append(ctx.allocator, try ctx.value(try sdk.iso.render(ctx.allocator, after, zone)));
    }
    return ctx.value(.{
        .valid = true,
        .errors = @as([]const Value, &.{}),
        .next = @as([]const Value, next.items),
        .description = try describe.describe(ctx, parsed),
    });
}

fn readZone(input: Input) Error!Zone {
    const name = try input.optionalText("timezone") orelse return .utc;
    return Zone.parse(name) orelse input.mistyped("timezone", sdk.timezone.wanted, .{ .string = name });
}

const wanted_from = "a date of ISO 8601, or a whole number of seconds since 1970";

fn readFrom(input: Input, zone: Zone) Error!i64 {
    const found = input.optionalValue("from") orelse return sdk.clock.now();
    const instant = switch (found) {
        .number => |lexeme| return readSeconds(input, lexeme),
        .string => |text| switch (sdk.iso.read(text)) {
            .date => |reading| if (reading.offset) |minutes|
                reading.wall.toMicros() - minutes * sdk.calendar.minute
            else
                zone.resolve(reading.wall),
            .problem => |problem| {
                const reason = if (looksUnix(text)) try explainDigits(input, text) else null;
                return input.mistypedBecause("from", wanted_from, found, reason orelse problem);
            },
        },
        else => return input.mistyped("from", wanted_from, found),
    };
    return if (isInRange(instant)) instant else failRange(input);
}

fn readSeconds(input: Input, lexeme: []const u8) Error!i64 {
    const found: Value = .{ .number = lexeme };
    const seconds = sdk.number.toInteger(lexeme) orelse return input.mistyped("from", wanted_from, found);
    const instant = seconds *| sdk.calendar.second;
    if (isInRange(instant)) return instant;
    const whole = findSeconds(seconds) orelse return failRange(input);
    const reason = try input.ctx.print("as milliseconds it would be {d} seconds", .{whole});
    return input.mistypedBecause("from", wanted_from ++ " within the years 2 to 9998", found, reason);
}

/// The seconds of a number of milliseconds, if they are in range.
fn findSeconds(milliseconds: i64) ?i64 {
    const seconds = @divTrunc(milliseconds, 1000);
    return if (isInRange(seconds *| sdk.calendar.second)) seconds else null;
}

/// What number to give instead of a text of digits. Null if that is out of range too.
fn explainDigits(input: Input, text: []const u8) Error!?[]const u8 {
    const count = sdk.number.toInteger(text) orelse return null;
    if (isInRange(count *| sdk.calendar.second)) return "a number of seconds is given without quotes";
    const seconds = findSeconds(count) orelse return null;
    return try input.ctx.print("as milliseconds it would be {d} seconds, which are given without quotes", .{seconds});
}

/// Digits alone, and more than a date of ISO 8601 has.
fn looksUnix(text: []const u8) bool {
    for (text) |char| if (!std.ascii.isDigit(char)) return false;
    return text.len > "20260131".len;
}

fn isInRange(instant: i64) bool {
    const limits = comptime .{
        (sdk.calendar.Date{ .year = first_year }).toDays() * sdk.calendar.day,
        (sdk.calendar.Date{ .year = last_year + 1 }).toDays() * sdk.calendar.day,
    };
    return limits[0] <= instant and instant < limits[1];
}

fn failRange(input: Input) Error {
    const found = input.optionalValue("from").?;
    return input.mistyped("from", "a date of the years 2 to 9998", found);
}
