//! array_ops: one operation on a list.

const std = @import("std");
const sdk = @import("sdk");
const Keyed = @import("keyed.zig").Keyed;
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

/// More than a list can have.
const max_count = 1 << 30;

const Operation = enum {
    count,
    first,
    last,
    reverse,
    sum,
    average,
    min,
    max,
    sort,
    unique,
    flatten,
    chunk,
    slice,
    pluck,
    group_by,
    zip,
};

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const operation = try input.choice(Operation, "operation");
    const items = try input.list("input");
    return switch (operation) {
        .count => result(ctx, items.len),
        .first => result(ctx, if (items.len > 0) items[0] else null),
        .last => result(ctx, if (items.len > 0) items[items.len - 1] else null),
        .reverse => result(ctx, try reverse(ctx, items)),
        .sum => result(ctx, try (try Keyed.read(input, items)).sum()),
        .average => result(ctx, try (try Keyed.read(input, items)).average()),
        .min => result(ctx, try (try Keyed.read(input, items)).extreme(.lt)),
        .max => result(ctx, try (try Keyed.read(input, items)).extreme(.gt)),
        .sort => {
            const descending = try input.optionalBoolean("descending") orelse false;
            return result(ctx, try (try Keyed.read(input, items)).sort(descending));
        },
        .unique => result(ctx, try (try Keyed.read(input, items)).unique()),
        .flatten => result(ctx, try flatten(ctx, input, items)),
        .chunk => result(ctx, try chunk(ctx, input, items)),
        .slice => result(ctx, try slice(input, items)),
        .pluck => result(ctx, try (try Keyed.readRequired(input, items)).pluck()),
        .group_by => result(ctx, try (try Keyed.readRequired(input, items)).group()),
        .zip => result(ctx, try zip(ctx, items, try input.list("other"))),
    };
}

fn result(ctx: *Context, found: anytype) Error!Value {
    return ctx.value(.{ .result = found });
}

fn reverse(ctx: *Context, items: []const Value) Error![]const Value {
    const reversed = try ctx.allocator.dupe(Value, items);
    std.mem.reverse(Value, reversed);
    return reversed;
}

fn flatten(ctx: *Context, input: Input, items: []const Value) Error![]const Value {
    const depth = try input.optionalInteger("depth", .{ .max = sdk.parse.max_depth }) orelse 1;
    var flat: std.ArrayList(Value) = .empty;
    try appendFlat(ctx, &flat, items, depth);
    return flat.items;
}

fn appendFlat(ctx: *Context, flat: *std.ArrayList(Value), items: []const Value, depth: i64) Error!void {
    for (items) |item| {
        if (depth > 0 and item == .array) {
            try appendFlat(ctx, flat, item.array, depth - 1);
        } else try flat.append(ctx.allocator, item);
    }
}

fn chunk(ctx: *Context, input: Input, items: []const Value) Error![]const []const Value {
    const size: usize = @intCast(try input.integer("size", .{ .min = 1, .max = max_count }));
    const chunks = try ctx.allocator.alloc([]const Value, (items.len + size - 1) / size);
    for (chunks, 0..) |*part, i| part.* = items[i * size .. @min((i + 1) * size, items.len)];
    return chunks;
}

/// From `start` up to but without `end`; negative ones count from the end, as in Python's slices.
fn slice(input: Input, items: []const Value) Error![]const Value {
    const length: i64 = @intCast(items.len);
    const start = try input.optionalInteger("start", .{ .min = -max_count, .max = max_count }) orelse 0;
    const end = try input.optionalInteger("end", .{ .min = -max_count, .max = max_count }) orelse length;
    const first = position(start, length);
    const last = position(end, length);
    return if (first < last) items[first..last] else &.{};
}

fn position(index: i64, length: i64) usize {
    return @intCast(std.math.clamp(if (index < 0) index + length else index, 0, length));
}

/// Pairs, as many as the shorter list has.
fn zip(ctx: *Context, items: []const Value, others: []const Value) Error![]const []const Value {
    const pairs = try ctx.allocator.alloc([]const Value, @min(items.len, others.len));
    for (pairs, 0..) |*pair, i| pair.* = try ctx.allocator.dupe(Value, &.{ items[i], others[i] });
    return pairs;
}
