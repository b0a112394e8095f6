//! text_match: regular expressions without backtracking: whether they match a text, where, and what to put in place.

const std = @import("std");
const sdk = @import("sdk");
const replacement = @import("replacement.zig");
const search = @import("search.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const max_result_bytes = 1 << 20;
const max_count = 1 << 30;

const Operation = enum { matches, find, find_all, replace, split };

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const operation = try input.choice(Operation, "operation");
    const text = try input.text("input");
    var matches: search.Matches = try .init(ctx, input, text);
    return switch (operation) {
        .matches => ctx.value(.{ .result = try matches.next() != null }),
        .find => ctx.value(.{ .result = if (try matches.next()) |match| try matches.describe(match) else Value.null }),
        .find_all => ctx.value(.{ .result = try findAll(ctx, input, &matches) }),
        .replace => replace(ctx, input, &matches, text),
        .split => ctx.value(.{ .result = try split(ctx, input, &matches, text) }),
    };
}

fn limitOf(input: Input) Error!usize {
    return @intCast(try input.optionalInteger("limit", .{ .min = 1, .max = max_count }) orelse max_count);
}

fn checkSize(ctx: *Context, bytes: usize) Error!void {
    if (bytes > max_result_bytes) return ctx.fail("RESULT_TOO_LARGE", "The result is larger than 1 MiB; `limit` says how many matches count.");
}

fn findAll(ctx: *Context, input: Input, matches: *search.Matches) Error![]const Value {
    const limit = try limitOf(input);
    var found: std.ArrayList(Value) = .empty;
    var bytes: usize = 0;
    while (found.items.len < limit) {
        const match = try matches.next() orelse break;
        bytes += matches.sizeOf(match);
        try checkSize(ctx, bytes);
        try found.append(ctx.allocator, try matches.describe(match));
    }
    return found.items;
}

fn replace(ctx: *Context, input: Input, matches: *search.Matches, text: []const u8) Error!Value {
    const limit = try limitOf(input);
    const pieces = try replacement.parse(input, try input.text("replacement"), matches.groups);
    var replaced: std.ArrayList(u8) = .empty;
    var done: usize = 0;
    var count: usize = 0;
    while (count < limit) : (count += 1) {
        const match = try matches.next() orelse break;
        try replaced.appendSlice(ctx.allocator, text[done..match.start]);
        for (pieces) |piece| {
            try replaced.appendSlice(ctx.allocator, switch (piece) {
                .text => |literal| literal,
                .group => |number| matches.group(number) orelse "",
            });
            try checkSize(ctx, replaced.items.len);
        }
        done = match.end;
    }
    try checkSize(ctx, replaced.items.len + text.len - done);
    try replaced.appendSlice(ctx.allocator, text[done..]);
    return ctx.value(.{ .result = replaced.items, .count = count });
}

/// What lies between the matches. An empty one splits between two characters, never at an end.
fn split(ctx: *Context, input: Input, matches: *search.Matches, text: []const u8) Error![]const []const u8 {
    const limit = try limitOf(input);
    var parts: std.ArrayList([]const u8) = .empty;
    var done: usize = 0;
    while (parts.items.len + 1 < limit) {
        const match = try matches.next() orelse break;
        if (match.start == match.end and (match.end == done or match.end == text.len)) continue;
        try parts.append(ctx.allocator, text[done..match.start]);
        try checkSize(ctx, match.start + parts.items.len * "\"\",".len);
        done = match.end;
    }
    try checkSize(ctx, text.len - done);
    try parts.append(ctx.allocator, text[done..]);
    return parts.items;
}
