//! The operations on numbers, exact in decimals, which are those of all components: sums have all their digits, other
//! results 34.

const std = @import("std");
const context = @import("../context.zig");
const evaluate_ = @import("evaluate.zig");
const json = @import("../json.zig");
const lists = @import("lists.zig");
const parse = @import("../parse.zig");
const range = @import("../range.zig");
const Decimal = @import("../decimal.zig").Decimal;
const Rounding = @import("../decimal.zig").Rounding;
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
        const sum = try total(frame, items);
        return give(frame, try sum.divide(frame.allocator(), try .fromInteger(frame.allocator(), items.len)));
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
    return give(frame, try if (frame.call.operation == .multiply) product(frame, items) else total(frame, items));
}

fn total(frame: Frame, items: []const Value) Error!Decimal {
    var sum: Decimal = .{};
    for (items) |item| sum = try sum.add(frame.allocator(), try take(frame, 0, item));
    return sum;
}

/// Cut after each factor, so that the digits do not grow with their number.
fn product(frame: Frame, items: []const Value) Error!Decimal {
    var result: Decimal = .one;
    for (items) |item| result = try keep(frame, try result.multiply(frame.allocator(), try take(frame, 0, item)));
    return result;
}

fn calculate(frame: Frame) Error!Value {
    const allocator = frame.allocator();
    const left = try take(frame, 0, try frame.argument(0));
    const right = try take(frame, 1, try frame.argument(1));
    if (frame.call.operation == .subtract) return give(frame, try left.add(allocator, right.negate()));
    if (right.isZero()) return frame.fail(&.{"`right` must not be 0"});
    const is_division = frame.call.operation == .divide;
    return give(frame, try if (is_division) left.divide(allocator, right) else left.floorMod(allocator, right));
}

fn round(frame: Frame) Error!Value {
    const value = try take(frame, 0, try frame.argument(0));
    const rounding: Rounding = switch (frame.call.operation) {
        .abs => return give(frame, value.abs()),
        .floor => .floor,
        .ceil => .ceil,
        else => .half_away,
    };
    const decimals = if (rounding == .half_away) try frame.integer(1, 0) orelse 0 else 0;
    return give(frame, try value.round(frame.allocator(), @min(decimals, range.max_places), rounding));
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
    const number: Decimal = try .parse(frame.allocator(), found.number);
    return if (range.holds(number)) number else outOfRange(frame);
}

fn give(frame: Frame, result: Decimal) Error!Value {
    return .{ .number = try (try keep(frame, result)).render(frame.allocator()) };
}

fn keep(frame: Frame, result: Decimal) Error!Decimal {
    return try range.keep(frame.allocator(), result) orelse outOfRange(frame);
}

fn outOfRange(frame: Frame) Error {
    return frame.fail(&.{"a number lies beyond 9007199254740992 (2^53) or has too many digits"});
}
