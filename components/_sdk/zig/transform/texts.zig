//! The operations on texts. Lengths and positions count code points.

const std = @import("std");
const context = @import("../context.zig");
const evaluate_ = @import("evaluate.zig");
const json = @import("../json.zig");
const lists = @import("lists.zig");
const render = @import("../render.zig");
const text = @import("../text.zig");
const Error = context.Error;
const Frame = evaluate_.Frame;
const Value = json.Value;

const max_bytes = 1 << 20;

pub fn evaluate(frame: Frame) Error!Value {
    switch (frame.call.operation) {
        .text => return joinValues(frame, try frame.list(0), ""),
        .join => return joinValues(frame, try frame.list(0), if (frame.has(1)) try frame.text(1) else ","),
        .to_text => return toText(frame),
        else => {},
    }
    const source = try frame.text(0);
    const allocator = frame.allocator();
    return switch (frame.call.operation) {
        .upper => .{ .string = try text.upper(allocator, source) },
        .lower => .{ .string = try text.lower(allocator, source) },
        .capitalize => capitalize(frame, source),
        .trim => .{ .string = text.trimEnd(text.trimStart(source)) },
        .length => frame.size(text.count(source)),
        .includes => .{ .boolean = std.mem.indexOf(u8, source, try frame.text(1)) != null },
        .starts_with => .{ .boolean = std.mem.startsWith(u8, source, try frame.text(1)) },
        .ends_with => .{ .boolean = std.mem.endsWith(u8, source, try frame.text(1)) },
        .replace => replace(frame, source),
        .split => split(frame, source),
        .substring => substring(frame, source),
        else => pad(frame, source),
    };
}

/// The first code point in upper case, the others in lower case. (text.capitalize knows title case, and its tables.)
fn capitalize(frame: Frame, source: []const u8) Error!Value {
    const allocator = frame.allocator();
    const first = text.prefix(source, 1);
    const parts = [_][]const u8{ try text.upper(allocator, first), try text.lower(allocator, source[first.len..]) };
    return .{ .string = try std.mem.concat(allocator, u8, &parts) };
}

/// Of null the empty text, of lists and objects their JSON.
fn toText(frame: Frame) Error!Value {
    const found = try frame.argument(0);
    if (found == .null) return .{ .string = "" };
    return .{ .string = found.scalarText() orelse try render.render(frame.allocator(), found) };
}

/// null is left empty.
fn joinValues(frame: Frame, items: []const Value, separator: []const u8) Error!Value {
    var joined: std.ArrayList(u8) = .empty;
    for (items, 0..) |item, i| {
        if (i > 0) try joined.appendSlice(frame.allocator(), separator);
        if (item == .null) continue;
        const part = item.scalarText() orelse {
            return frame.mistyped(0, "a list of texts, numbers and booleans", item);
        };
        try joined.appendSlice(frame.allocator(), part);
        try checkSize(frame, joined.items.len);
    }
    return .{ .string = joined.items };
}

fn checkSize(frame: Frame, bytes: u64) Error!void {
    if (bytes > max_bytes) return frame.fail(&.{"the text becomes larger than 1 MiB"});
}

fn replace(frame: Frame, source: []const u8) Error!Value {
    const search = try frame.text(1);
    const replacement = try frame.text(2);
    if (search.len == 0) return frame.fail(&.{"`search` must not be empty"});
    const times: u64 = std.mem.count(u8, source, search);
    try checkSize(frame, source.len - times * search.len + times * replacement.len);
    return .{ .string = try std.mem.replaceOwned(u8, frame.allocator(), source, search, replacement) };
}

/// By the empty text, into code points.
fn split(frame: Frame, source: []const u8) Error!Value {
    const separator = try frame.text(1);
    var parts: std.ArrayList(Value) = .empty;
    if (separator.len > 0) {
        var between = std.mem.splitSequence(u8, source, separator);
        while (between.next()) |part| try parts.append(frame.allocator(), .{ .string = part });
    } else {
        var code_points = text.codePoints(source);
        while (code_points.nextCodepointSlice()) |part| try parts.append(frame.allocator(), .{ .string = part });
    }
    return .{ .array = parts.items };
}

fn substring(frame: Frame, source: []const u8) Error!Value {
    const start, const end = try lists.readCut(frame, text.count(source));
    const rest = source[text.prefix(source, start).len..];
    return .{ .string = text.prefix(rest, end - start) };
}

/// Fills up the start, or with side "end" the end.
fn pad(frame: Frame, source: []const u8) Error!Value {
    const length = try frame.integer(1, 0) orelse 0;
    const fill = if (frame.has(2)) try frame.text(2) else " ";
    if (text.count(fill) != 1) return frame.fail(&.{"`fill` must be one character"});
    const side = if (frame.has(3)) try frame.text(3) else "start";
    const at_end = std.mem.eql(u8, side, "end");
    if (!at_end and !std.mem.eql(u8, side, "start")) return frame.fail(&.{"`side` must be start or end"});
    try checkSize(frame, @intCast(length));
    const missing = @as(usize, @intCast(length)) -| text.count(source);
    try checkSize(frame, @as(u64, missing) * fill.len + source.len);
    const filling = try frame.allocator().alloc(u8, missing * fill.len);
    for (0..missing) |i| @memcpy(filling[i * fill.len ..][0..fill.len], fill);
    const parts = if (at_end) [_][]const u8{ source, filling } else [_][]const u8{ filling, source };
    return .{ .string = try std.mem.concat(frame.allocator(), u8, &parts) };
}
