//! The operations on lists.

const std = @import("std");
const evaluate_ = @import("evaluate.zig");
const context = @import("../context.zig");
const json = @import("../json.zig");
const number = @import("../number.zig");
const Error = context.Error;
const Frame = evaluate_.Frame;
const Value = json.Value;
const ValueSet = @import("../value_set.zig").ValueSet;

/// Those that have a field which is evaluated for each item.
pub fn evaluateForItems(frame: Frame) Error!Value {
    const items = try frame.list(0);
    return switch (frame.call.operation) {
        .map => map(frame, items),
        .filter => filter(frame, items),
        .sort => sort(frame, items),
        .group_by => groupBy(frame, items),
        .unique => unique(frame, items),
        else => toObject(frame, items),
    };
}

pub fn evaluate(frame: Frame) Error!Value {
    const items = try frame.list(0);
    return switch (frame.call.operation) {
        .first => if (items.len > 0) items[0] else .null,
        .last => if (items.len > 0) items[items.len - 1] else .null,
        .count => frame.size(items.len),
        .reverse => reverse(frame, items),
        .slice => slice(frame, items),
        else => flatten(frame, items),
    };
}

fn map(frame: Frame, items: []const Value) Error!Value {
    const mapped = try frame.allocator().alloc(Value, items.len);
    for (items, mapped, 0..) |item, *made, i| made.* = try frame.forItem(1, item, i);
    return .{ .array = mapped };
}

fn filter(frame: Frame, items: []const Value) Error!Value {
    var kept: std.ArrayList(Value) = .empty;
    for (items, 0..) |item, i| {
        if (try frame.truth(1, try frame.forItem(1, item, i))) try kept.append(frame.allocator(), item);
    }
    return .{ .array = kept.items };
}

const Keyed = struct { key: Value, item: Value };

/// Stable. Keys that are lists or objects are refused.
fn sort(frame: Frame, items: []const Value) Error!Value {
    const keyed = try frame.allocator().alloc(Keyed, items.len);
    for (items, keyed, 0..) |item, *entry, i| {
        entry.* = .{ .key = try frame.forItem(1, item, i), .item = item };
        if (entry.key == .array or entry.key == .object) {
            return frame.mistyped(1, "a text, a number, true, false or null for every item", entry.key);
        }
    }
    const is_descending = try frame.truth(3, try frame.argument(3));
    mergeSort(keyed, try frame.allocator().alloc(Keyed, items.len), if (is_descending) .lt else .gt);
    const sorted = try frame.allocator().alloc(Value, items.len);
    for (keyed, sorted) |entry, *item| item.* = entry.item;
    return .{ .array = sorted };
}

/// Two entries change their places if they are `wrong`. (std.sort.block has eight times the code.)
fn mergeSort(entries: []Keyed, spare: []Keyed, wrong: std.math.Order) void {
    if (entries.len < 2) return;
    const half = entries.len / 2;
    mergeSort(entries[0..half], spare[0..half], wrong);
    mergeSort(entries[half..], spare[half..], wrong);
    @memcpy(spare, entries);
    var left: usize = 0;
    var right = half;
    for (entries) |*entry| {
        const takes_right = left == half or
            (right < spare.len and order(spare[left].key, spare[right].key) == wrong);
        entry.* = spare[if (takes_right) right else left];
        if (takes_right) right += 1 else left += 1;
    }
}

/// null, false, true, numbers, texts (by code points).
pub fn order(a: Value, b: Value) std.math.Order {
    const rank = std.math.order(rankOf(a), rankOf(b));
    if (rank != .eq) return rank;
    return switch (a) {
        .number => |lexeme| number.order(lexeme, b.number),
        // The order of WTF-8 is that of code points.
        .string => |text| std.mem.order(u8, text, b.string),
        else => .eq,
    };
}

fn rankOf(value: Value) u8 {
    return switch (value) {
        .null => 0,
        .boolean => |flag| if (flag) 2 else 1,
        .number => 3,
        else => 4,
    };
}

const Group = struct { key: Value, size: usize = 0, end: usize = 0 };

/// [{"key", "items"}] in the order in which the keys first occur.
fn groupBy(frame: Frame, items: []const Value) Error!Value {
    const allocator = frame.allocator();
    const seen: ValueSet = try .init(allocator, items.len);
    const groups = try allocator.alloc(Group, items.len);
    const group_of = try allocator.alloc(usize, items.len);
    var count: usize = 0;
    for (items, group_of, 0..) |item, *at, i| {
        const key = try frame.forItem(1, item, i);
        at.* = seen.enter(key, count) orelse count;
        if (at.* == count) {
            groups[count] = .{ .key = key };
            count += 1;
        }
        groups[at.*].size += 1;
    }
    const sorted = try allocator.alloc(Value, items.len);
    var end: usize = 0;
    for (groups[0..count]) |*group| {
        group.end = end;
        end += group.size;
    }
    for (items, group_of) |item, at| {
        sorted[groups[at].end] = item;
        groups[at].end += 1;
    }
    const made = try allocator.alloc(Value, count);
    for (made, groups[0..count]) |*group, found| {
        const members: Value = .{ .array = sorted[found.end - found.size .. found.end] };
        group.* = try frame.pair(.{ .name = "key", .value = found.key }, .{ .name = "items", .value = members });
    }
    return .{ .array = made };
}

/// The first of those that are equal, or have equal keys.
fn unique(frame: Frame, items: []const Value) Error!Value {
    const seen: ValueSet = try .init(frame.allocator(), items.len);
    var kept: std.ArrayList(Value) = .empty;
    for (items, 0..) |item, i| {
        const key = try frame.forItem(1, item, i);
        if (seen.enter(key, i) == null) try kept.append(frame.allocator(), item);
    }
    return .{ .array = kept.items };
}

/// Of equal keys the last one counts.
fn toObject(frame: Frame, items: []const Value) Error!Value {
    const made = try json.newObject(frame.allocator());
    for (items, 0..) |item, i| {
        const key = try frame.forItem(1, item, i);
        const name = key.scalarText() orelse return frame.mistyped(1, "a text, a number, true or false", key);
        try made.put(frame.allocator(), name, try frame.forItem(2, item, i));
    }
    return .{ .object = made };
}

fn reverse(frame: Frame, items: []const Value) Error!Value {
    const reversed = try frame.allocator().dupe(Value, items);
    std.mem.reverse(Value, reversed);
    return .{ .array = reversed };
}

fn slice(frame: Frame, items: []const Value) Error!Value {
    const start, const end = try readCut(frame, items.len);
    return .{ .array = items[start..end] };
}

/// `start` and `end`, the second and third field, as positions from 0 to `length`; negative ones count from the end.
pub fn readCut(frame: Frame, length: usize) Error!struct { usize, usize } {
    const start = try readPosition(frame, 1, length, 0);
    const end = try readPosition(frame, 2, length, length);
    return .{ start, @max(start, end) };
}

fn readPosition(frame: Frame, at: usize, length: usize, default: usize) Error!usize {
    const position = try frame.integer(at, std.math.minInt(i64)) orelse return default;
    const size: i64 = @intCast(length);
    return @intCast(std.math.clamp(if (position < 0) position +| size else position, 0, size));
}

/// One level: for concat, whose items must be lists, and for flatten, which keeps the others.
fn flatten(frame: Frame, items: []const Value) Error!Value {
    var flat: std.ArrayList(Value) = .empty;
    for (items) |item| {
        if (item == .array) {
            try flat.appendSlice(frame.allocator(), item.array);
        } else if (frame.call.operation == .flatten) {
            try flat.append(frame.allocator(), item);
        } else return frame.mistyped(0, "a list of lists", item);
    }
    return .{ .array = flat.items };
}
