//! The operations that look at a value of each item: the item itself, or what lies at the path `key`.

const std = @import("std");
const sdk = @import("sdk");
const decimal = sdk.decimal;
const ordering = @import("order.zig");
const paths = sdk.path;
const range = sdk.range;
const Context = sdk.Context;
const Decimal = decimal.Decimal;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

pub const Keyed = struct {
    ctx: *Context,
    input: Input,
    items: []const Value,
    /// As it is written, and parsed; both are empty for the items themselves.
    key: []const u8,
    path: paths.Path,

    pub fn read(input: Input, items: []const Value) Error!Keyed {
        const key = try input.optionalText("key") orelse "";
        const given = input.optionalValue("key") != null;
        const path: paths.Path = if (!given) &.{} else try paths.parse(input.ctx.allocator, key) orelse {
            return input.mistyped("key", "a path like a.b[0]", .{ .string = key });
        };
        return .{ .ctx = input.ctx, .input = input, .items = items, .key = key, .path = path };
    }

    /// For the operations that are nothing without a key.
    pub fn readRequired(input: Input, items: []const Value) Error!Keyed {
        _ = try input.text("key");
        return read(input, items);
    }

    /// A missing value is null.
    fn valueOf(keyed: Keyed, item: Value) Value {
        return paths.follow(item, keyed.path) orelse .null;
    }

    pub fn pluck(keyed: Keyed) Error![]const Value {
        const values = try keyed.ctx.allocator.alloc(Value, keyed.items.len);
        for (values, keyed.items) |*value, item| value.* = keyed.valueOf(item);
        return values;
    }

    pub fn sum(keyed: Keyed) Error!Value {
        return keyed.numberValue(try keyed.total());
    }

    pub fn average(keyed: Keyed) Error!Value {
        if (keyed.items.len == 0) return keyed.failEmpty();
        const count: Decimal = try .fromInteger(keyed.ctx.allocator, keyed.items.len);
        return keyed.numberValue(try (try keyed.total()).divide(keyed.ctx.allocator, count));
    }

    fn total(keyed: Keyed) Error!Decimal {
        const allocator = keyed.ctx.allocator;
        var millionths: i128 = 0;
        var rest: Decimal = .{};
        for (keyed.items, 0..) |item, i| {
            const value = keyed.valueOf(item);
            if (value != .number) return keyed.mistyped(i, "a number", value);
            if (countMillionths(value.number)) |count| {
                millionths += count;
                continue;
            }
            const number = try range.parse(keyed.ctx, try keyed.nameOf(i), value.number);
            rest = try rest.add(allocator, number);
        }
        const quick: Decimal = try .parse(allocator, try keyed.ctx.print("{d}e-6", .{millionths}));
        return quick.add(allocator, rest);
    }

    fn numberValue(keyed: Keyed, number: Decimal) Error!Value {
        return .{ .number = try (try range.check(keyed.ctx, number)).render(keyed.ctx.allocator) };
    }

    /// The first of the items whose value is the least or, for `.gt`, the greatest.
    pub fn extreme(keyed: Keyed, wanted: std.math.Order) Error!Value {
        if (keyed.items.len == 0) return keyed.failEmpty();
        var found = keyed.items[0];
        const kind = keyed.valueOf(found);
        if (kind != .number and kind != .string) return keyed.mistyped(0, "a number or a text", kind);
        for (keyed.items, 0..) |item, i| {
            const value = keyed.valueOf(item);
            if (std.meta.activeTag(value) != std.meta.activeTag(kind)) {
                return keyed.mistyped(i, try keyed.ctx.print("{s}, like those before", .{kind.kind()}), value);
            }
            if (ordering.orderValues(value, keyed.valueOf(found)) == wanted) found = item;
        }
        return found;
    }

    pub fn sort(keyed: Keyed, descending: bool) Error![]const Value {
        const allocator = keyed.ctx.allocator;
        const keys = try allocator.alloc(ordering.Key, keyed.items.len);
        for (keys, keyed.items) |*key, item| key.* = try .from(allocator, keyed.valueOf(item));
        const sorted = try allocator.alloc(Value, keys.len);
        for (sorted, try ordering.sort(allocator, keys, descending)) |*item, at| item.* = keyed.items[at];
        return sorted;
    }

    /// Of the items with equal values the first one.
    pub fn unique(keyed: Keyed) Error![]const Value {
        const seen: sdk.ValueSet = try .init(keyed.ctx.allocator, keyed.items.len);
        var kept: std.ArrayList(Value) = try .initCapacity(keyed.ctx.allocator, keyed.items.len);
        for (keyed.items, 0..) |item, i| {
            if (seen.enter(keyed.valueOf(item), i) == null) kept.appendAssumeCapacity(item);
        }
        return kept.items;
    }

    /// An object of lists, named by the value.
    pub fn group(keyed: Keyed) Error!Value {
        const allocator = keyed.ctx.allocator;
        const Group = struct { name: []const u8, items: std.ArrayList(Value) };
        const seen: sdk.ValueSet = try .init(allocator, keyed.items.len);
        var groups: std.ArrayList(Group) = .empty;
        for (keyed.items, 0..) |item, i| {
            const name = try keyed.groupName(i, keyed.valueOf(item));
            const at = seen.enter(.{ .string = name }, groups.items.len) orelse blk: {
                try groups.append(allocator, .{ .name = name, .items = .empty });
                break :blk groups.items.len - 1;
            };
            try groups.items[at].items.append(allocator, item);
        }
        const object = try sdk.newObject(allocator);
        for (groups.items) |found| try object.put(allocator, found.name, .{ .array = found.items.items });
        return .{ .object = object };
    }

    fn groupName(keyed: Keyed, i: usize, value: Value) Error![]const u8 {
        return switch (value) {
            .null => "null",
            // 1 and 1.0 are one group.
            .number => |lexeme| (try Decimal.parse(keyed.ctx.allocator, lexeme)).render(keyed.ctx.allocator),
            else => value.scalarText() orelse keyed.mistyped(i, "a text, a number, true, false or null", value),
        };
    }

    fn failEmpty(keyed: Keyed) Error {
        return keyed.ctx.fail("EMPTY_LIST", "`input` is empty.");
    }

    fn mistyped(keyed: Keyed, i: usize, wanted: []const u8, found: Value) Error {
        return keyed.input.mistyped(try keyed.nameOf(i), wanted, found);
    }

    /// `input[2].price`.
    fn nameOf(keyed: Keyed, i: usize) Error![]const u8 {
        const dot = if (keyed.key.len == 0 or keyed.key[0] == '[') "" else ".";
        return keyed.ctx.print("input[{d}]{s}{s}", .{ i, dot, keyed.key });
    }
};

/// Most numbers are a count of millionths, and a count is added quickly and without memory.
/// Null if it is none, or does not fit; one that fits is within the range.
fn countMillionths(lexeme: []const u8) ?i64 {
    if (std.mem.indexOfAny(u8, lexeme, "eE") != null) return null;
    var buffer: [32]u8 = undefined;
    return sdk.number.toInteger(std.fmt.bufPrint(&buffer, "{s}e6", .{lexeme}) catch return null);
}
