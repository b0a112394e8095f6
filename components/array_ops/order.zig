//! One order for all JSON values: null, false, true, numbers, texts, lists, objects. Numbers go by value, texts by code
//! point, lists by their first elements that differ. Objects have no order among themselves.

const std = @import("std");
const sdk = @import("sdk");
const decimal = sdk.decimal;
const Allocator = std.mem.Allocator;
const Decimal = decimal.Decimal;
const Order = std.math.Order;
const Value = sdk.Value;

pub fn orderValues(a: Value, b: Value) Order {
    if (rank(a) != rank(b)) return std.math.order(rank(a), rank(b));
    return switch (a) {
        .null, .object => .eq,
        .boolean => |flag| std.math.order(@intFromBool(flag), @intFromBool(b.boolean)),
        .number => |lexeme| sdk.number.order(lexeme, b.number),
        .string => |text| std.mem.order(u8, text, b.string),
        .array => |items| for (items[0..@min(items.len, b.array.len)], 0..) |item, i| {
            const found = orderValues(item, b.array[i]);
            if (found != .eq) break found;
        } else std.math.order(items.len, b.array.len),
    };
}

fn rank(value: Value) u8 {
    return @backingInt(value);
}

/// A value to sort by. Numbers are parsed once, not in each comparison.
pub const Key = union(enum) {
    number: Decimal,
    other: Value,

    pub fn from(allocator: Allocator, value: Value) Allocator.Error!Key {
        return if (value == .number) .{ .number = try .parse(allocator, value.number) } else .{ .other = value };
    }

    fn order(a: Key, b: Key) Order {
        return switch (a) {
            .number => |number| switch (b) {
                .number => |other| number.order(other),
                .other => |other| std.math.order(number_rank, rank(other)),
            },
            .other => |value| switch (b) {
                .number => std.math.order(rank(value), number_rank),
                .other => |other| orderValues(value, other),
            },
        };
    }
};

const number_rank = rank(.{ .number = "0" });

/// The positions of the keys in their order. Stable: those of equal keys stay as they are, also when it is descending.
pub fn sort(allocator: Allocator, keys: []const Key, descending: bool) Allocator.Error![]const u32 {
    var source = try allocator.alloc(u32, keys.len);
    var target = try allocator.alloc(u32, keys.len);
    for (source, 0..) |*position, i| position.* = @intCast(i);
    const sorter: Sorter = .{ .keys = keys, .wanted = if (descending) .gt else .lt };
    var width: usize = 1;
    while (width < keys.len) : (width *= 2) {
        var start: usize = 0;
        while (start < keys.len) : (start += 2 * width) {
            const middle = @min(start + width, keys.len);
            const end = @min(start + 2 * width, keys.len);
            sorter.mergeRuns(source[start..middle], source[middle..end], target[start..end]);
        }
        std.mem.swap([]u32, &source, &target);
    }
    return source;
}

const Sorter = struct {
    keys: []const Key,
    /// How a key compares with the one after it.
    wanted: Order,

    fn mergeRuns(sorter: Sorter, left: []const u32, right: []const u32, target: []u32) void {
        var i: usize = 0;
        var j: usize = 0;
        for (target) |*position| {
            const takes_right = i == left.len or (j < right.len and sorter.comesFirst(right[j], left[i]));
            position.* = if (takes_right) right[j] else left[i];
            i += @intFromBool(!takes_right);
            j += @intFromBool(takes_right);
        }
    }

    fn comesFirst(sorter: Sorter, a: u32, b: u32) bool {
        return sorter.keys[a].order(sorter.keys[b]) == sorter.wanted;
    }
};
