//! The operations on numbers, exact in decimals.

const std = @import("std");
const context = @import("../context.zig");
const evaluate_ = @import("evaluate.zig");
const json = @import("../json.zig");
const lists = @import("lists.zig");
const parse = @import("../parse.zig");
const Decimal = @import("decimal.zig").Decimal;
const Error = context.Error;
const Frame = evaluate_.Frame;
const Value = json.Value;

pub fn evaluate(frame: Frame) Error!Value {
    return switch (frame.call.operation) {
        .add, .multiply => fold(frame, try frame.list(0)),
        .subtract, .divide, .mod => calculate(frame),
        .to_number => toNumber(frame),
        else => round(frame),
    };
}

/// sum and average of numbers, min and max of numbers or of texts.
pub fn aggregate(frame: Frame) Error!Value {
    const items = try frame.list(0);
    const operation = frame.call.operation;
    if (operation == .sum) return fold(frame, items);
    if (items.len == 0) return .null;
    if (operation == .average) {
        const sum = try take(frame, 0, try fold(frame, items));
        return give(frame, sum.divide(.fromInteger(@intCast(items.len))));
    }
    var found = items[0];
    for (items) |item| {
        if (item != .number and item != .string) return frame.mistyped(0, "a list of numbers or of texts", item);
        if (std.meta.activeTag(item) != std.meta.activeTag(found)) {
            return frame.fail(&.{"`list` must not hold both numbers and texts"});
        }
        if (lists.order(item, found) == (if (operation == .min) std.math.Order.lt else .gt)) found = item;
    }
    return found;
}

fn fold(frame: Frame, items: []const Value) Error!Value {
    const is_product = frame.call.operation == .multiply;
    var result: Decimal = .fromInteger(@intFromBool(is_product));
    for (items) |item| {
        const next = try take(frame, 0, item);
        result = (if (is_product) result.multiply(next) else result.add(next)) catch return outOfRange(frame);
    }
    return give(frame, result);
}

fn calculate(frame: Frame) Error!Value {
    const left = try take(frame, 0, try frame.argument(0));
    const right = try take(frame, 1, try frame.argument(1));
    if (frame.call.operation == .subtract) return give(frame, left.add(right.negate()));
    if (right.coefficient == 0) return frame.fail(&.{"`right` must not be 0"});
    return give(frame, if (frame.call.operation == .divide) left.divide(right) else left.mod(right));
}

fn round(frame: Frame) Error!Value {
    const value = try take(frame, 0, try frame.argument(0));
    switch (frame.call.operation) {
        .floor => return give(frame, value.round(0, .floor)),
        .ceil => return give(frame, value.round(0, .ceil)),
        .abs => return give(frame, if (value.coefficient < 0) value.negate() else value),
        else => {},
    }
    const decimals = try frame.integer(1, 0) orelse 0;
    return give(frame, value.round(@intCast(@min(decimals, 20)), .nearest));
}

/// A number, or a text that is one in JSON ("12.5") with spaces around it; of anything else null.
fn toNumber(frame: Frame) Error!Value {
    const given = try frame.argument(0);
    if (given == .number) return given;
    if (given != .string) return .null;
    var parser: parse.Parser = .init(frame.allocator(), given.string);
    const parsed = parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidJson, error.TooDeep => return .null,
    };
    return if (parsed == .number) parsed else .null;
}

fn take(frame: Frame, at: usize, found: Value) Error!Decimal {
    if (found != .number) {
        const is_list = switch (frame.call.operation) {
            .add, .multiply, .sum, .average => true,
            else => false,
        };
        return frame.mistyped(at, if (is_list) "a list of numbers" else "a number", found);
    }
    return Decimal.parse(found.number) catch outOfRange(frame);
}

fn give(frame: Frame, result: error{OutOfRange}!Decimal) Error!Value {
    const decimal = result catch return outOfRange(frame);
    return .{ .number = try decimal.render(frame.allocator()) };
}

fn outOfRange(frame: Frame) Error {
    return frame.fail(&.{"a number lies beyond 9007199254740992 (2^53) or has too many digits"});
}
