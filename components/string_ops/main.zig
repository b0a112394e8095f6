//! string_ops: one operation on a text. Lengths and positions count Unicode code points.

const std = @import("std");
const sdk = @import("sdk");
const slug = @import("slug.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const max_result_bytes = 1 << 20;
/// More code points than a result can have: positions and lengths beyond it are refused as input.
const max_count = 1 << 30;

const Operation = enum {
    upper,
    lower,
    trim,
    capitalize,
    replace,
    split,
    join,
    includes,
    starts_with,
    ends_with,
    length,
    substring,
    pad,
    repeat,
    slug,
    base64_encode,
    base64_decode,
    url_encode,
    url_decode,
};

const Side = enum { start, end, both };

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const operation = try input.choice(Operation, "operation");
    if (operation == .join) return textResult(ctx, try join(ctx, input));
    const text = try input.text("input");
    return switch (operation) {
        .upper => textResult(ctx, try sdk.text.upper(ctx.allocator, text)),
        .lower => textResult(ctx, try sdk.text.lower(ctx.allocator, text)),
        .trim => textResult(ctx, try trim(input, text)),
        .capitalize => textResult(ctx, try sdk.text.capitalize(ctx.allocator, text)),
        .replace => textResult(ctx, try replace(ctx, input, text)),
        .split => result(ctx, try split(ctx, input, text)),
        .join => unreachable,
        .includes => result(ctx, std.mem.indexOf(u8, text, try input.text("search")) != null),
        .starts_with => result(ctx, std.mem.startsWith(u8, text, try input.text("search"))),
        .ends_with => result(ctx, std.mem.endsWith(u8, text, try input.text("search"))),
        .length => result(ctx, sdk.text.count(text)),
        .substring => textResult(ctx, try substring(input, text)),
        .pad => textResult(ctx, try pad(ctx, input, text)),
        .repeat => textResult(ctx, try repeat(ctx, input, text)),
        .slug => textResult(ctx, try slug.make(ctx.allocator, text, try input.optionalText("separator") orelse "-")),
        .base64_encode => textResult(ctx, try sdk.base64.encode(ctx.allocator, try encodable(ctx, text))),
        .base64_decode => decoded(ctx, "base64", try sdk.base64.decode(ctx.allocator, text)),
        .url_encode => textResult(ctx, try sdk.percent.encode(ctx.allocator, try encodable(ctx, text))),
        .url_decode => decoded(ctx, "percent-encoded", try sdk.percent.decode(ctx.allocator, text)),
    };
}

fn result(ctx: *Context, found: anytype) Error!Value {
    return ctx.value(.{ .result = found });
}

fn textResult(ctx: *Context, text: []const u8) Error!Value {
    try checkSize(ctx, text.len);
    return result(ctx, text);
}

fn checkSize(ctx: *Context, bytes: u64) Error!void {
    if (bytes > max_result_bytes) return ctx.fail("RESULT_TOO_LARGE", "The result is larger than 1 MiB.");
}

/// A lone surrogate is no character, so no bytes stand for it.
fn encodable(ctx: *Context, text: []const u8) Error![]const u8 {
    return if (sdk.text.isUtf8(text)) text else ctx.failInput("`input` must be a text without lone surrogates.", .{});
}

fn decoded(ctx: *Context, form: []const u8, bytes: ?[]const u8) Error!Value {
    const text = bytes orelse return ctx.failInput("`input` must be a {s} text.", .{form});
    if (!sdk.text.isUtf8(text)) return ctx.fail("NOT_TEXT", "`input` stands for bytes that are not UTF-8 text.");
    return textResult(ctx, text);
}

fn trim(input: Input, text: []const u8) Error![]const u8 {
    return switch (try input.optionalChoice(Side, "side") orelse .both) {
        .start => sdk.text.trimStart(text),
        .end => sdk.text.trimEnd(text),
        .both => sdk.text.trimEnd(sdk.text.trimStart(text)),
    };
}

fn replace(ctx: *Context, input: Input, text: []const u8) Error![]const u8 {
    const search = try input.text("search");
    const replacement = try input.optionalText("replacement") orelse "";
    const limit: usize = @intCast(try input.optionalInteger("count", .{ .max = max_count }) orelse max_count);
    if (search.len == 0) return input.mistyped("search", "a text that is not empty", .{ .string = search });
    const times = @min(limit, std.mem.count(u8, text, search));
    try checkSize(ctx, text.len - times * search.len + @as(u64, times) * replacement.len);
    var replaced: std.ArrayList(u8) = .empty;
    var rest = text;
    for (0..times) |_| {
        const at = std.mem.indexOf(u8, rest, search).?;
        try replaced.appendSlice(ctx.allocator, rest[0..at]);
        try replaced.appendSlice(ctx.allocator, replacement);
        rest = rest[at + search.len ..];
    }
    try replaced.appendSlice(ctx.allocator, rest);
    return replaced.items;
}

fn split(ctx: *Context, input: Input, text: []const u8) Error![]const []const u8 {
    const separator = try input.optionalText("separator") orelse ",";
    const pieces = if (separator.len > 0) std.mem.count(u8, text, separator) + 1 else sdk.text.count(text);
    try checkSize(ctx, text.len - (pieces -| 1) * separator.len + pieces * "\"\",".len);
    var parts: std.ArrayList([]const u8) = try .initCapacity(ctx.allocator, pieces);
    if (separator.len > 0) {
        var between = std.mem.splitSequence(u8, text, separator);
        while (between.next()) |part| parts.appendAssumeCapacity(part);
    } else {
        var code_points = sdk.text.codePoints(text);
        while (code_points.nextCodepointSlice()) |part| parts.appendAssumeCapacity(part);
    }
    return parts.items;
}

fn join(ctx: *Context, input: Input) Error![]const u8 {
    const items = try input.list("input");
    const separator = try input.optionalText("separator") orelse ",";
    try checkSize(ctx, @as(u64, items.len -| 1) * separator.len);
    var joined: std.ArrayList(u8) = .empty;
    for (items, 0..) |item, i| {
        if (i > 0) try joined.appendSlice(ctx.allocator, separator);
        try joined.appendSlice(ctx.allocator, item.scalarText() orelse {
            return input.mistyped(try ctx.print("input[{d}]", .{i}), "a text, a number, true or false", item);
        });
    }
    return joined.items;
}

/// From `start` up to but without `end`; negative ones count from the end, as in Python's slices.
fn substring(input: Input, text: []const u8) Error![]const u8 {
    const length: i64 = @intCast(sdk.text.count(text));
    const start = try input.optionalInteger("start", .{ .min = -max_count, .max = max_count }) orelse 0;
    const end = try input.optionalInteger("end", .{ .min = -max_count, .max = max_count }) orelse length;
    const first = position(start, length);
    const last = position(end, length);
    if (last <= first) return "";
    const skipped = sdk.text.prefix(text, first).len;
    return sdk.text.prefix(text[skipped..], last - first);
}

fn position(index: i64, length: i64) usize {
    return @intCast(std.math.clamp(if (index < 0) index + length else index, 0, length));
}

fn pad(ctx: *Context, input: Input, text: []const u8) Error![]const u8 {
    const length: usize = @intCast(try input.integer("length", .{ .max = max_count }));
    const side = try input.optionalChoice(Side, "side") orelse .start;
    const fill = try input.optionalText("fill") orelse " ";
    if (fill.len == 0) return input.mistyped("fill", "a text that is not empty", .{ .string = fill });
    const missing = length -| sdk.text.count(text);
    const before = switch (side) {
        .start => missing,
        .end => 0,
        .both => missing / 2,
    };
    try checkSize(ctx, @as(u64, missing) + text.len);
    var padded: std.ArrayList(u8) = .empty;
    try appendFill(&padded, ctx.allocator, fill, before);
    try padded.appendSlice(ctx.allocator, text);
    try appendFill(&padded, ctx.allocator, fill, missing - before);
    return padded.items;
}

/// `fill` again and again, cut to `count` code points.
fn appendFill(target: *std.ArrayList(u8), allocator: std.mem.Allocator, fill: []const u8, count: usize) Error!void {
    const fill_count = sdk.text.count(fill);
    for (0..count / fill_count) |_| try target.appendSlice(allocator, fill);
    try target.appendSlice(allocator, sdk.text.prefix(fill, count % fill_count));
}

fn repeat(ctx: *Context, input: Input, text: []const u8) Error![]const u8 {
    const count: usize = @intCast(try input.integer("count", .{ .max = max_count }));
    if (text.len == 0) return "";
    try checkSize(ctx, @as(u64, count) * text.len);
    const repeated = try ctx.allocator.alloc(u8, count * text.len);
    for (0..count) |i| @memcpy(repeated[i * text.len ..][0..text.len], text);
    return repeated;
}
