//! Rows -> text.

const std = @import("std");
const sdk = @import("sdk");
const dialect = @import("dialect.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const max_result_bytes = 4 << 20;
const LineEnd = enum { crlf, lf };

pub fn write(ctx: *Context, input: Input) Error!Value {
    const rows = try input.list("rows");
    const has_header = try input.optionalBoolean("header") orelse true;
    const columns = try dialect.columnsOf(ctx, input) orelse try findColumns(ctx, rows);
    var writer: Writer = .{
        .ctx = ctx,
        .delimiter = try dialect.delimiterToWrite(input),
        .line_end = switch (try input.optionalChoice(LineEnd, "line_end") orelse .crlf) {
            .crlf => "\r\n",
            .lf => "\n",
        },
        .defuses = try input.optionalBoolean("defuse_formulas") orelse false,
    };
    if (has_header and columns.len > 0) {
        for (columns, 0..) |name, i| try writer.add(i, columns.len, .{ .string = name });
        try writer.append(writer.line_end);
    }
    var width: ?usize = if (columns.len > 0) columns.len else null;
    for (rows, 0..) |row, at| {
        switch (row) {
            .object => for (columns, 0..) |name, i| try writer.add(i, columns.len, row.get(name) orelse .null),
            .array => |values| {
                const wanted = width orelse values.len;
                width = wanted;
                if (values.len > wanted) {
                    const message = "`rows[{d}]` has {d} values, where there are {d} columns.";
                    return ctx.fail("INVALID_ROWS", try ctx.print(message, .{ at, values.len, wanted }));
                }
                for (0..wanted) |i| try writer.add(i, wanted, if (i < values.len) values[i] else .null);
            },
            else => return input.mistyped(try ctx.print("rows[{d}]", .{at}), "an object or a list", row),
        }
        try writer.append(writer.line_end);
    }
    const has_mark = try input.optionalBoolean("mark") orelse false;
    const text = if (has_mark) try std.mem.concat(ctx.allocator, u8, &.{ "\u{FEFF}", writer.text.items }) else writer.text.items;
    return ctx.value(.{ .result = text, .count = rows.len });
}

/// The names that the rows have, in the order in which they come.
fn findColumns(ctx: *Context, rows: []const Value) Error![]const []const u8 {
    const found = try sdk.newObject(ctx.allocator);
    for (rows) |row| {
        if (row != .object) continue;
        for (row.object.members()) |member| {
            if (found.get(member.name) == null) try found.put(ctx.allocator, member.name, .null);
        }
    }
    const names = try ctx.allocator.alloc([]const u8, found.members().len);
    for (found.members(), names) |member, *name| name.* = member.name;
    return names;
}

const Writer = struct {
    ctx: *Context,
    delimiter: u8,
    line_end: []const u8,
    defuses: bool,
    text: std.ArrayList(u8) = .empty,

    fn add(writer: *Writer, column: usize, width: usize, value: Value) Error!void {
        const text = switch (value) {
            .null => "",
            .array, .object => try sdk.render(writer.ctx.allocator, value),
            else => value.scalarText().?,
        };
        if (column > 0) try writer.append(&.{writer.delimiter});
        const is_formula = writer.defuses and value == .string and text.len > 0 and
            std.mem.indexOfScalar(u8, "=+-@\t\r", text[0]) != null;
        if (!is_formula and !writer.needsQuotes(text, width)) return writer.append(text);
        try writer.append(if (is_formula) "\"'" else "\"");
        var parts = std.mem.splitScalar(u8, text, '"');
        try writer.append(parts.first());
        while (parts.next()) |part| {
            try writer.append("\"\"");
            try writer.append(part);
        }
        try writer.append("\"");
    }

    /// A row of one empty value would be an empty line, and what begins with the mark, or as Excel's line, would lose it.
    fn needsQuotes(writer: *const Writer, text: []const u8, width: usize) bool {
        if (text.len == 0) return width == 1;
        const is_first = writer.text.items.len == 0;
        if (is_first and (std.mem.startsWith(u8, text, "\u{FEFF}") or std.ascii.startsWithIgnoreCase(text, "sep="))) return true;
        for (text) |char| {
            if (char == writer.delimiter or char == '"' or char == '\n' or char == '\r') return true;
        }
        return false;
    }

    fn append(writer: *Writer, text: []const u8) Error!void {
        if (writer.text.items.len + text.len > max_result_bytes) {
            return writer.ctx.fail("RESULT_TOO_LARGE", "The text is larger than 4 MiB.");
        }
        try writer.text.appendSlice(writer.ctx.allocator, text);
    }
};
