//! Whether a condition holds for an input.

const std = @import("std");
const sdk = @import("sdk");
const expression = @import("expression.zig");
const paths = sdk.path;
const Context = sdk.Context;
const Error = sdk.Error;
const Node = expression.Node;
const Value = sdk.Value;

pub const Evaluator = struct {
    ctx: *Context,
    /// For the column in messages.
    text: []const u8,
    input: Value,

    pub fn holds(evaluator: Evaluator, node: Node) Error!bool {
        return switch (node) {
            .literal => |literal| isTruthy(literal),
            .path => |path| isTruthy(evaluator.resolve(path)),
            .comparison => |comparison| evaluator.compare(comparison),
            .not => |inner| !try evaluator.holds(inner.*),
            .all => |nodes| for (nodes) |inner| {
                if (!try evaluator.holds(inner)) break false;
            } else true,
            .any => |nodes| for (nodes) |inner| {
                if (try evaluator.holds(inner)) break true;
            } else false,
        };
    }

    fn read(evaluator: Evaluator, node: Node) Error!Value {
        return switch (node) {
            .literal => |literal| literal,
            .path => |path| evaluator.resolve(path),
            else => .{ .boolean = try evaluator.holds(node) },
        };
    }

    /// `input` is the whole input, unless that has a member of this name.
    fn resolve(evaluator: Evaluator, path: paths.Path) Value {
        const names_all = std.mem.eql(u8, path[0], "input") and evaluator.input.get("input") == null;
        return paths.follow(evaluator.input, if (names_all) path[1..] else path) orelse .null;
    }

    fn compare(evaluator: Evaluator, comparison: expression.Comparison) Error!bool {
        const left = try evaluator.read(comparison.left.*);
        const right = try evaluator.read(comparison.right.*);
        switch (comparison.operator) {
            .@"==" => return left.eql(right),
            .@"!=" => return !left.eql(right),
            else => {},
        }
        if (left == .null or right == .null) return false;
        const order = if (left == .number and right == .number)
            sdk.number.order(left.number, right.number)
        else if (left == .string and right == .string)
            std.mem.order(u8, left.string, right.string)
        else
            return evaluator.failMismatch(comparison, left, right);
        return switch (comparison.operator) {
            .@"==", .@"!=" => unreachable,
            .@">" => order == .gt,
            .@">=" => order != .lt,
            .@"<" => order == .lt,
            .@"<=" => order != .gt,
        };
    }

    fn failMismatch(evaluator: Evaluator, comparison: expression.Comparison, left: Value, right: Value) Error {
        const column = sdk.text.count(evaluator.text[0..comparison.at]) + 1;
        return evaluator.ctx.fail("TYPE_MISMATCH", try evaluator.ctx.print(
            "`{s}` compares two numbers or two texts, not {s} with {s} (column {d}).",
            .{ @tagName(comparison.operator), left.kind(), right.kind(), column },
        ));
    }
};

/// All but null, false, 0, and the empty text, list and object.
fn isTruthy(value: Value) bool {
    return switch (value) {
        .null => false,
        .boolean => |flag| flag,
        .number => |lexeme| sdk.number.toInteger(lexeme) != 0,
        .string => |text| text.len > 0,
        .array => |items| items.len > 0,
        .object => |object| object.members().len > 0,
    };
}
