//! date_ops: one operation on a date and time.

const std = @import("std");
const sdk = @import("sdk");
const arithmetic = @import("arithmetic.zig");
const moment = @import("moment.zig");
const pattern_parse = @import("pattern_parse.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Moment = moment.Moment;
const Value = sdk.Value;

const Operation = enum { now, format, parse, add, subtract, diff, start_of, end_of };

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    return ctx.value(.{ .result = try operate(ctx, input) });
}

fn operate(ctx: *Context, input: Input) Error!Value {
    return switch (try input.choice(Operation, "operation")) {
        .now => {
            const zone = try moment.readZone(input) orelse .utc;
            return moment.show(ctx, input, .{ .instant = sdk.clock.now(), .zone = zone });
        },
        .format => moment.show(ctx, input, try moment.read(input, "input")),
        .parse => moment.showIso(ctx, try parse(input)),
        .add => moment.show(ctx, input, try arithmetic.add(ctx, input, 1)),
        .subtract => moment.show(ctx, input, try arithmetic.add(ctx, input, -1)),
        .diff => ctx.value(try arithmetic.diff(input)),
        .start_of => moment.show(ctx, input, try arithmetic.startOf(input)),
        .end_of => moment.show(ctx, input, try arithmetic.endOf(input)),
    };
}

fn parse(input: Input) Error!Moment {
    const format = try input.optionalText("format") orelse "iso";
    if (std.mem.eql(u8, format, "iso")) return moment.read(input, "input");
    const given = input.optionalValue("input") orelse return input.missing("input", "a text");
    const text = given.scalarText() orelse return input.mistyped("input", "a text", given);
    const zone = try moment.readZone(input);
    if (std.mem.eql(u8, format, "unix")) return moment.readUnix(input, "input", text, .seconds);
    if (std.mem.eql(u8, format, "unix_ms")) return moment.readUnix(input, "input", text, .milliseconds);
    const found = try pattern_parse.parse(input, format, text);
    return switch (found) {
        .instant => |instant| .{ .instant = instant, .zone = zone orelse .utc },
        .wall => |reading| moment.place(reading, zone),
    };
}
