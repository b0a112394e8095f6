//! A template's nodes and a value -> text.

const std = @import("std");
const sdk = @import("sdk");
const parse = @import("parse.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Node = parse.Node;
const Value = sdk.Value;

const max_result_bytes = 1 << 20;

/// What a name is looked up in: the innermost value first.
pub const Scope = struct { value: Value, outer: ?*const Scope };

/// A partial with its indentation, parsed.
const Parsed = struct { name: []const u8, indent: []const u8, nodes: []const Node };

pub const Writer = struct {
    ctx: *Context,
    partials: *const sdk.Object,
    escapes: bool,
    is_strict: bool,
    text: std.ArrayList(u8) = .empty,
    parsed: std.ArrayList(Parsed) = .empty,
    depth: usize = 0,

    pub fn writeAll(writer: *Writer, nodes: []const Node, scope: *const Scope) Error!void {
        if (writer.depth > parse.max_depth) {
            return writer.ctx.fail("TOO_DEEP", "Sections and partials are within one another more than 100 levels deep.");
        }
        writer.depth += 1;
        defer writer.depth -= 1;
        for (nodes) |node| switch (node) {
            .text => |text| try writer.append(text),
            .variable => |variable| try writer.writeVariable(variable.name, variable.is_raw, scope),
            .section => |section| try writer.writeSection(section.name, section.is_inverted, section.nodes, scope),
            .partial => |partial| try writer.writeAll(try writer.find(partial.name, partial.indent), scope),
        };
    }

    fn append(writer: *Writer, text: []const u8) Error!void {
        if (writer.text.items.len + text.len > max_result_bytes) {
            return writer.ctx.fail("RESULT_TOO_LARGE", "The text is larger than 1 MiB.");
        }
        try writer.text.appendSlice(writer.ctx.allocator, text);
    }

    fn writeVariable(writer: *Writer, name: []const u8, is_raw: bool, scope: *const Scope) Error!void {
        const value = try writer.lookUp(name, scope) orelse return;
        const text = switch (value) {
            .null => return,
            .array, .object => try sdk.render(writer.ctx.allocator, value),
            else => value.scalarText().?,
        };
        if (is_raw or !writer.escapes) return writer.append(text);
        var done: usize = 0;
        for (text, 0..) |char, i| {
            const escape = switch (char) {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#39;",
                else => continue,
            };
            try writer.append(text[done..i]);
            try writer.append(escape);
            done = i + 1;
        }
        try writer.append(text[done..]);
    }

    fn writeSection(writer: *Writer, name: []const u8, is_inverted: bool, nodes: []const Node, scope: *const Scope) Error!void {
        const value = try writer.lookUp(name, scope) orelse Value.null;
        const is_something = switch (value) {
            .null => false,
            .boolean => |flag| flag,
            .string => |text| text.len > 0,
            .array => |items| items.len > 0,
            .number, .object => true,
        };
        if (is_inverted) {
            if (!is_something) try writer.writeAll(nodes, scope);
        } else if (value == .array) {
            for (value.array) |item| try writer.writeAll(nodes, &.{ .value = item, .outer = scope });
        } else if (is_something) try writer.writeAll(nodes, &.{ .value = value, .outer = scope });
    }

    /// The first part of a dotted name is that of the innermost value which has it; the others lead on from there. Null if
    /// there is nothing.
    fn lookUp(writer: *const Writer, name: []const u8, scope: *const Scope) Error!?Value {
        if (std.mem.eql(u8, name, ".")) return scope.value;
        var parts = std.mem.splitScalar(u8, name, '.');
        const first = parts.first();
        var found = findFirst(first, scope);
        while (parts.next()) |part| found = member(found orelse break, part);
        if (found == null and writer.is_strict) {
            return writer.ctx.fail("MISSING_VALUE", try writer.ctx.print("The template names `{s}`, which the data does not have.", .{name}));
        }
        return found;
    }

    fn findFirst(name: []const u8, innermost: *const Scope) ?Value {
        var scope: ?*const Scope = innermost;
        while (scope) |each| : (scope = each.outer) {
            if (member(each.value, name)) |found| return found;
        }
        return null;
    }

    /// Of an object, or of a list by its position.
    fn member(value: Value, name: []const u8) ?Value {
        if (value != .array) return value.get(name);
        const at = std.fmt.parseInt(usize, name, 10) catch return null;
        return if (at < value.array.len) value.array[at] else null;
    }

    /// A partial that there is not is empty.
    fn find(writer: *Writer, name: []const u8, indent: []const u8) Error![]const Node {
        for (writer.parsed.items) |each| {
            if (std.mem.eql(u8, each.name, name) and std.mem.eql(u8, each.indent, indent)) return each.nodes;
        }
        const ctx = writer.ctx;
        const given = writer.partials.get(name) orelse {
            if (writer.is_strict) return ctx.fail("MISSING_VALUE", try ctx.print("There is no partial `{s}`.", .{name}));
            return &.{};
        };
        const source = if (indent.len > 0) try indentLines(ctx, given.string, indent) else given.string;
        const nodes = try parse.parse(ctx, try ctx.print("partials.{s}", .{name}), source);
        try writer.parsed.append(ctx.allocator, .{ .name = name, .indent = indent, .nodes = nodes });
        return nodes;
    }

    fn indentLines(ctx: *Context, source: []const u8, indent: []const u8) Error![]const u8 {
        var indented: std.ArrayList(u8) = .empty;
        var rest = source;
        while (rest.len > 0) {
            const end = if (std.mem.indexOfScalar(u8, rest, '\n')) |line_end| line_end + 1 else rest.len;
            try indented.appendSlice(ctx.allocator, indent);
            try indented.appendSlice(ctx.allocator, rest[0..end]);
            rest = rest[end..];
            if (indented.items.len > max_result_bytes) return ctx.fail("RESULT_TOO_LARGE", "The text is larger than 1 MiB.");
        }
        return indented.items;
    }
};
