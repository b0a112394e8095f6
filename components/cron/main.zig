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

fn readFrom(input: Input, zone: Zone) Error!i64 {
    const wanted = "a date of ISO 8601, or a whole number of seconds since 1970";
    const found = input.optionalValue("from") orelse return sdk.clock.now();
    const instant: ?i64 = switch (found) {
        .number => |lexeme| blk: {
            const seconds = sdk.number.toInteger(lexeme) orelse break :blk null;
            break :blk if (@abs(seconds) < 1 << 40) seconds * sdk.calendar.second else null;
        },
        .string => |text| switch (sdk.iso.read(text)) {
            .date => |reading| if (reading.offset) |minutes|
                reading.wall.toMicros() - minutes * sdk.calendar.minute
            else
                zone.resolve(reading.wall),
            .problem => |problem| return input.mistypedBecause("from", wanted, found, problem),
        },
        else => null,
    };
    const usable = instant orelse return input.mistyped("from", wanted, found);
    const year = sdk.calendar.Wall.fromMicros(usable).date.year;
    if (year < 2 or year > last_year) return input.mistyped("from", "a date of the years 2 to 9998", found);
    return usable;
}
