//! A condition on one item, from its JSON to a tree, and whether it holds.

const std = @import("std");
const sdk = @import("sdk");
const paths = sdk.path;
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

pub const Condition = union(enum) {
    all: []const Condition,
    any: []const Condition,
    comparison: Comparison,

    /// `item_count` is how many items it will be asked about.
    pub fn parse(fields: Input, item_count: usize) Error!Condition {
        const form = try findForm(fields);
        if (form == .key) return .{ .comparison = try .parse(fields, item_count) };
        const listed = try fields.list(@tagName(form));
        const inner = try fields.ctx.allocator.alloc(Condition, listed.len);
        for (listed, inner, 0..) |source, *condition, i| {
            const name = try fields.ctx.print("{t}[{d}]", .{ form, i });
            if (source != .object) return fields.mistyped(name, "an object", source);
            const prefix = try fields.ctx.print("{s}{s}.", .{ fields.prefix, name });
            condition.* = try parse(.{ .ctx = fields.ctx, .fields = source.object, .prefix = prefix }, item_count);
        }
        return if (form == .all) .{ .all = inner } else .{ .any = inner };
    }

    pub fn holds(condition: Condition, item: Value) bool {
        return switch (condition) {
            .all => |inner| for (inner) |one| {
                if (!one.holds(item)) break false;
            } else true,
            .any => |inner| for (inner) |one| {
                if (one.holds(item)) break true;
            } else false,
            .comparison => |one| one.holds(item),
        };
    }
};

/// `key` stands for {key, op, value}.
const Form = enum { all, any, key };

fn findForm(fields: Input) Error!Form {
    var found: ?Form = null;
    for (fields.fields.members()) |member| {
        const known = enum { all, any, key, op, value };
        const form: Form = switch (std.meta.stringToEnum(known, member.name) orelse {
            return fields.ctx.failInput(
                "`{s}{s}` is unknown; a condition has key, op and value, or all, or any.",
                .{ fields.prefix, member.name },
            );
        }) {
            .all => .all,
            .any => .any,
            .key, .op, .value => .key,
        };
        if (found != null and found != form) {
            const subject = std.mem.trimEnd(u8, fields.prefix, ".");
            return fields.ctx.failInput("`{s}` must have either key, op and value, or all, or any.", .{subject});
        }
        found = form;
    }
    return found orelse .key;
}

const Operator = enum {
    eq,
    neq,
    gt,
    gte,
    lt,
    lte,
    contains,
    not_contains,
    starts_with,
    ends_with,
    in,
    exists,
};

const Comparison = struct {
    /// Empty: the item itself.
    path: paths.Path,
    operator: Operator,
    value: Value,
    /// For `in`: the listed values, and then those that were looked up.
    members: sdk.ValueSet,

    fn parse(fields: Input, item_count: usize) Error!Comparison {
        const operator = try fields.choice(Operator, "op");
        const value = try parseValue(fields, operator);
        const allocator = fields.ctx.allocator;
        const listed = if (operator == .in) value.array else &.{};
        const members: sdk.ValueSet = try .init(allocator, if (operator == .in) listed.len + item_count else 0);
        for (listed) |member| _ = members.enter(member, 0);
        return .{ .path = try parsePath(fields), .operator = operator, .value = value, .members = members };
    }

    fn parsePath(fields: Input) Error!paths.Path {
        const key = try fields.optionalText("key") orelse return &.{};
        return try paths.parse(fields.ctx.allocator, key) orelse {
            return fields.mistyped("key", "a path like a.b[0]", .{ .string = key });
        };
    }

    fn holds(comparison: Comparison, item: Value) bool {
        const found = paths.follow(item, comparison.path) orelse .null;
        return switch (comparison.operator) {
            .eq => found.eql(comparison.value),
            .neq => !found.eql(comparison.value),
            .gt => order(found, comparison.value) == .gt,
            .gte => order(found, comparison.value) == .gt or order(found, comparison.value) == .eq,
            .lt => order(found, comparison.value) == .lt,
            .lte => order(found, comparison.value) == .lt or order(found, comparison.value) == .eq,
            .contains => contains(found, comparison.value),
            .not_contains => !contains(found, comparison.value),
            .starts_with => found == .string and std.mem.startsWith(u8, found.string, comparison.value.string),
            .ends_with => found == .string and std.mem.endsWith(u8, found.string, comparison.value.string),
            // A value that was looked up before is found at 1: it is not listed.
            .in => comparison.members.enter(found, 1) == 0,
            .exists => (found != .null) == comparison.value.boolean,
        };
    }
};

/// The value, of a type that the operator can use.
fn parseValue(fields: Input, operator: Operator) Error!Value {
    switch (operator) {
        .eq, .neq, .contains, .not_contains => return fields.value("value"),
        .gt, .gte, .lt, .lte => {
            const value = fields.optionalValue("value") orelse return fields.missing("value", "a number or a text");
            if (value == .number or value == .string) return value;
            return fields.mistyped("value", "a number or a text", value);
        },
        .starts_with, .ends_with => return .{ .string = try fields.text("value") },
        .in => return .{ .array = try fields.list("value") },
        .exists => return .{ .boolean = try fields.optionalBoolean("value") orelse true },
    }
}

/// Null unless both are numbers or both are texts.
fn order(a: Value, b: Value) ?std.math.Order {
    if (a == .number and b == .number) return sdk.number.order(a.number, b.number);
    if (a == .string and b == .string) return std.mem.order(u8, a.string, b.string);
    return null;
}

/// A text within a text, or an element of a list.
fn contains(found: Value, wanted: Value) bool {
    return switch (found) {
        .string => |text| wanted == .string and std.mem.indexOf(u8, text, wanted.string) != null,
        .array => |items| for (items) |item| {
            if (item.eql(wanted)) break true;
        } else false,
        else => false,
    };
}
