//! number_ops: one operation on a number, in exact decimal arithmetic.

const std = @import("std");
const sdk = @import("sdk");
const operand = @import("operand.zig");
const power = @import("power.zig");
const Context = sdk.Context;
const Decimal = sdk.decimal.Decimal;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

/// Digits after the decimal point; fewer than none rounds to tens, hundreds and so on.
const min_decimals = -15;
const max_decimals = 20;

const Operation = enum {
    round,
    floor,
    ceil,
    abs,
    add,
    subtract,
    multiply,
    divide,
    mod,
    min,
    max,
    pow,
    sqrt,
    clamp,
    format,
};

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const operation = try input.choice(Operation, "operation");
    const form = try input.optionalChoice(operand.Form, "as") orelse .number;
    const a = try operand.read(input, "input");
    if (operation == .format) return ctx.value(.{ .result = try format(input, a) });
    const result = try calculate(ctx, input, operation, a);
    return ctx.value(.{ .result = try operand.show(ctx, result, form) });
}

fn calculate(ctx: *Context, input: Input, operation: Operation, a: Decimal) Error!Decimal {
    const allocator = ctx.allocator;
    switch (operation) {
        .round => {
            const decimals = try input.optionalInteger("decimals", .{ .min = min_decimals, .max = max_decimals });
            return a.round(allocator, decimals orelse 0, .half_away);
        },
        .floor => return a.round(allocator, 0, .floor),
        .ceil => return a.round(allocator, 0, .ceil),
        .abs => return a.abs(),
        .sqrt => {
            if (a.negative) return failUnreal(ctx);
            return a.squareRoot(allocator);
        },
        .clamp => return clamp(input, a),
        else => {},
    }
    const b = try operand.read(input, "value");
    return switch (operation) {
        .add => a.add(allocator, b),
        .subtract => a.add(allocator, b.negate()),
        .multiply => a.multiply(allocator, b),
        .divide => a.divide(allocator, try divisor(ctx, b)),
        .mod => a.floorMod(allocator, try divisor(ctx, b)),
        .min => if (b.order(a) == .lt) b else a,
        .max => if (b.order(a) == .gt) b else a,
        .pow => pow(ctx, a, b),
        else => unreachable,
    };
}

fn divisor(ctx: *Context, b: Decimal) Error!Decimal {
    return if (b.isZero()) ctx.fail("DIVISION_BY_ZERO", "A number cannot be divided by 0.") else b;
}

fn failUnreal(ctx: *Context) Error {
    return ctx.fail("NO_REAL_RESULT", "A negative number has no real root.");
}

fn clamp(input: Input, a: Decimal) Error!Decimal {
    const low = try operand.readOptional(input, "min");
    const high = try operand.readOptional(input, "max");
    if (low == null and high == null) return input.ctx.failInput("`min` or `max` must be given.", .{});
    if (low != null and high != null and low.?.order(high.?) == .gt) {
        return input.mistyped("max", "at least `min`", input.optionalValue("max").?);
    }
    if (low) |bound| if (a.order(bound) == .lt) return bound;
    if (high) |bound| if (a.order(bound) == .gt) return bound;
    return a;
}

fn pow(ctx: *Context, base: Decimal, exponent: Decimal) Error!Decimal {
    if (base.isZero() and exponent.negative) _ = try divisor(ctx, base);
    if (base.negative and !exponent.isInteger()) return failUnreal(ctx);
    return power.raise(ctx, base, exponent);
}

fn format(input: Input, a: Decimal) Error![]const u8 {
    const allocator = input.ctx.allocator;
    const decimals = try input.optionalInteger("decimals", .{ .max = max_decimals });
    const group_separator = try input.optionalText("grouping") orelse ",";
    const point = try input.optionalText("decimal_point") orelse ".";
    const rounded = if (decimals) |places| try a.round(allocator, places, .half_away) else a;
    const places: usize = @intCast(decimals orelse @max(-a.exponent, 0));
    const plain = try rounded.renderPlain(allocator, places, group_separator, point);
    return input.ctx.print("{s}{s}", .{ if (rounded.negative) "-" else "", plain });
}
