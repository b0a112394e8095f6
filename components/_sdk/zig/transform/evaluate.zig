//! Runs a program of ai_transform. Nothing but the program and its input decides about the result.

const std = @import("std");
const context = @import("../context.zig");
const json = @import("../json.zig");
const lists = @import("lists.zig");
const numbers = @import("numbers.zig");
const number = @import("../number.zig");
const objects = @import("objects.zig");
const program = @import("program.zig");
const texts = @import("texts.zig");
const Context = context.Context;
const Error = context.Error;
const Call = program.Call;
const Node = program.Node;
const Value = json.Value;

/// About a second of computing.
const max_steps = 1_000_000;

pub fn run(ctx: *Context, output: Node, input: Value) Error!Value {
    var steps: usize = 0;
    const scope: Scope = .{ .ctx = ctx, .steps = &steps, .name = "input", .value = input };
    return scope.evaluate(output);
}

/// A variable, and those around it.
pub const Scope = struct {
    ctx: *Context,
    steps: *usize,
    outer: ?*const Scope = null,
    name: []const u8,
    value: Value,

    pub fn with(scope: *const Scope, name: []const u8, value: Value) Scope {
        return .{ .ctx = scope.ctx, .steps = scope.steps, .outer = scope, .name = name, .value = value };
    }

    fn find(scope: *const Scope, name: []const u8) Value {
        var at: ?*const Scope = scope;
        while (at) |variable| : (at = variable.outer) {
            if (std.mem.eql(u8, variable.name, name)) return variable.value;
        }
        return .null;
    }

    pub fn evaluate(scope: *const Scope, node: Node) Error!Value {
        scope.steps.* += 1;
        if (scope.steps.* > max_steps) {
            return scope.ctx.fail("PROGRAM_TOO_LONG", "The program takes more than a million steps.");
        }
        switch (node) {
            .literal => |value| return value,
            .list => |nodes| {
                const values = try scope.ctx.allocator.alloc(Value, nodes.len);
                for (nodes, values) |item, *value| value.* = try scope.evaluate(item);
                return .{ .array = values };
            },
            .object => |members| {
                const made = try json.newObject(scope.ctx.allocator);
                for (members) |member| try made.put(scope.ctx.allocator, member.name, try scope.evaluate(member.node));
                return .{ .object = made };
            },
            .call => |call| return evaluateCall(.{ .scope = scope, .call = call }),
        }
    }
};

/// One call that is being evaluated.
pub const Frame = struct {
    scope: *const Scope,
    call: *const Call,

    pub fn allocator(frame: Frame) std.mem.Allocator {
        return frame.scope.ctx.allocator;
    }

    pub fn has(frame: Frame, at: usize) bool {
        return frame.call.arguments[at] != null;
    }

    /// Null where the field is missing.
    pub fn argument(frame: Frame, at: usize) Error!Value {
        return frame.scope.evaluate(frame.call.arguments[at] orelse return .null);
    }

    pub fn size(frame: Frame, count: usize) Error!Value {
        return .{ .number = try frame.allocator().print("{d}", .{count}) };
    }

    pub fn pair(frame: Frame, first: json.Member, second: json.Member) Error!Value {
        const made = try json.newObject(frame.allocator());
        for ([_]json.Member{ first, second }) |member| try made.put(frame.allocator(), member.name, member.value);
        return .{ .object = made };
    }

    /// A field that is evaluated for one item of a list.
    pub fn forItem(frame: Frame, at: usize, item: Value, index: usize) Error!Value {
        const indexed = frame.scope.with("index", try frame.size(index));
        const inner = indexed.with(frame.call.item_name, item);
        return inner.evaluate(frame.call.arguments[at] orelse return item);
    }

    pub fn list(frame: Frame, at: usize) Error![]const Value {
        const found = try frame.argument(at);
        return if (found == .array) found.array else frame.mistyped(at, "a list", found);
    }

    pub fn object(frame: Frame, at: usize) Error!*json.Object {
        const found = try frame.argument(at);
        return if (found == .object) found.object else frame.mistyped(at, "an object", found);
    }

    pub fn text(frame: Frame, at: usize) Error![]const u8 {
        const found = try frame.argument(at);
        return if (found == .string) found.string else frame.mistyped(at, "a text", found);
    }

    /// Null where the field is missing.
    pub fn integer(frame: Frame, at: usize, min: i64) Error!?i64 {
        const found = try frame.argument(at);
        if (found == .null) return null;
        const whole = if (found == .number) number.toInteger(found.number) else null;
        if (whole == null or whole.? < min) {
            return frame.mistyped(at, if (min < 0) "a whole number" else "a whole number that is not negative", found);
        }
        return whole;
    }

    /// null counts as false.
    pub fn truth(frame: Frame, at: usize, found: Value) Error!bool {
        return switch (found) {
            .null => false,
            .boolean => |flag| flag,
            else => frame.mistyped(at, "true or false", found),
        };
    }

    pub fn mistyped(frame: Frame, at: usize, wanted: []const u8, found: Value) Error {
        var fields = std.mem.tokenizeScalar(u8, program.fieldsOf(frame.call.operation), ' ');
        for (0..at) |_| _ = fields.next();
        const name = std.mem.trimEnd(u8, fields.next().?, "?>");
        return frame.fail(&.{ "`", name, "` must be ", wanted, ", not ", found.kind() });
    }

    /// The parts of the reason. (A format of its own for each would be as much code as an operation.)
    pub fn fail(frame: Frame, reason: []const []const u8) Error {
        const place = [_][]const u8{ program.nameOf(frame.call.operation), " at ", frame.call.place, ": " };
        const start = try std.mem.concat(frame.allocator(), u8, &place);
        const explained = try std.mem.concat(frame.allocator(), u8, reason);
        const message = try std.mem.concat(frame.allocator(), u8, &.{ start, explained, "." });
        return frame.scope.ctx.fail("PROGRAM_FAILED", message);
    }
};

fn evaluateCall(frame: Frame) Error!Value {
    return switch (frame.call.operation) {
        .get => get(frame),
        .literal => frame.argument(0),
        .let => let(frame, frame.call.bindings),
        .@"if" => frame.argument(if (try frame.truth(0, try frame.argument(0))) 1 else 2),
        .eq => .{ .boolean = (try frame.argument(0)).eql(try frame.argument(1)) },
        .neq => .{ .boolean = !(try frame.argument(0)).eql(try frame.argument(1)) },
        .gt, .gte, .lt, .lte => compare(frame),
        .@"and", .@"or" => combine(frame, frame.call.operation == .@"or"),
        .not => .{ .boolean = !try frame.truth(0, try frame.argument(0)) },
        .exists => .{ .boolean = try frame.argument(0) != .null },
        .in => in(frame),
        .map, .filter, .sort, .group_by, .unique, .to_object => lists.evaluateForItems(frame),
        .flatten, .reverse, .first, .last, .count, .slice, .concat => lists.evaluate(frame),
        .sum, .average, .min, .max => numbers.aggregate(frame),
        .keys, .values, .entries, .merge, .pick, .omit => objects.evaluate(frame),
        .add, .subtract, .multiply, .divide, .mod, .round, .floor, .ceil, .abs, .to_number => numbers.evaluate(frame),
        else => texts.evaluate(frame),
    };
}

fn get(frame: Frame) Error!Value {
    const path = frame.call.path.?;
    const found = path.follow(frame.scope.find(path.root));
    return if (found == .null) frame.argument(1) else found;
}

/// Each of the bindings sees those before it.
fn let(frame: Frame, bindings: []const program.NamedNode) Error!Value {
    if (bindings.len == 0) return frame.argument(1);
    const inner = frame.scope.with(bindings[0].name, try frame.scope.evaluate(bindings[0].node));
    return let(.{ .scope = &inner, .call = frame.call }, bindings[1..]);
}

/// Two numbers or two texts, the latter by code points.
fn compare(frame: Frame) Error!Value {
    const left = try frame.argument(0);
    const right = try frame.argument(1);
    if (left != .number and left != .string) return frame.mistyped(0, "a number or a text", left);
    if (std.meta.activeTag(left) != std.meta.activeTag(right)) return frame.mistyped(1, left.kind(), right);
    const found = lists.order(left, right);
    return .{ .boolean = switch (frame.call.operation) {
        .gt => found == .gt,
        .gte => found != .lt,
        .lt => found == .lt,
        else => found != .gt,
    } };
}

/// Whether all hold, or any, looking no further than need be.
fn combine(frame: Frame, is_any: bool) Error!Value {
    const node = frame.call.arguments[0].?;
    if (node == .list) {
        for (node.list) |condition| {
            if (try frame.truth(0, try frame.scope.evaluate(condition)) == is_any) return .{ .boolean = is_any };
        }
    } else for (try frame.list(0)) |condition| {
        if (try frame.truth(0, condition) == is_any) return .{ .boolean = is_any };
    }
    return .{ .boolean = !is_any };
}

fn in(frame: Frame) Error!Value {
    const value = try frame.argument(0);
    for (try frame.list(1)) |item| {
        if (item.eql(value)) return .{ .boolean = true };
    }
    return .{ .boolean = false };
}
