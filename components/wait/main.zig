//! wait: lets some time pass. A durable run does not call it for that: it sleeps by itself (arcrun/durable/waits.py).

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

/// The host's own limit for one `sleep`.
const max_ms = 30_000;
/// 365 days: the limit of a durable run.
const longest_ms = 31_536_000_000;
const Unit = struct { name: []const u8, ms: i64 };
const units = [_]Unit{
    .{ .name = "ms", .ms = 1 },
    .{ .name = "s", .ms = 1_000 },
    .{ .name = "m", .ms = 60_000 },
    .{ .name = "h", .ms = 3_600_000 },
    .{ .name = "d", .ms = 86_400_000 },
    .{ .name = "w", .ms = 604_800_000 },
};

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    if (try input.optionalText("until") != null) return failNotDurable(ctx);
    const duration_ms = try input.optionalInteger("ms", .{ .max = longest_ms }) orelse try readFor(input);
    if (duration_ms > max_ms) return failNotDurable(ctx);
    if (duration_ms > 0) try sdk.host.sleep(ctx, duration_ms);
    return ctx.value(.{ .waited_ms = duration_ms });
}

fn readFor(input: Input) Error!i64 {
    const wanted = "a whole number with ms, s, m, h, d or w, such as 2d, of at most 365 days";
    const text = try input.optionalText("for") orelse
        return input.ctx.failInput("`ms` must be a number of milliseconds, but it is missing; `for` or `until` may stand for it.", .{});
    for (units) |unit| {
        if (!std.mem.endsWith(u8, text, unit.name)) continue;
        const number = std.fmt.parseInt(u32, text[0 .. text.len - unit.name.len], 10) catch continue;
        const duration_ms = @as(i64, number) * unit.ms;
        if (duration_ms <= longest_ms) return duration_ms;
    }
    return input.mistyped("for", wanted, .{ .string = text });
}

fn failNotDurable(ctx: *Context) Error {
    return ctx.fail("NEEDS_DURABLE", "A wait of more than 30 seconds needs a durable run: write `durable: true` in the workflow.");
}
