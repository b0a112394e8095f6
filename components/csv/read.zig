//! Text -> rows.

const std = @import("std");
const sdk = @import("sdk");
const dialect = @import("dialect.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const Ragged = enum { fail, fill };

pub fn parse(ctx: *Context, input: Input) Error!Value {
    const start = try dialect.startOf(input, try input.text("input"));
    var reader: Reader = .{
        .ctx = ctx,
        .source = start.rest,
        .delimiter = start.delimiter,
        .trims = try input.optionalBoolean("trim") orelse false,
    };
    const has_header = try input.optionalBoolean("header") orelse true;
    const ragged = try input.optionalChoice(Ragged, "ragged") orelse .fail;
    const limit: usize = @intCast(try input.optionalInteger("limit", .{ .min = 1 }) orelse std.math.maxInt(u32));
    const written = if (has_header) try reader.next() else null;
    const given = try dialect.columnsOf(ctx, input);
    const columns = given orelse if (written) |names| try checkHeader(ctx, names) else null;
    const offset = try input.optionalInteger("offset", .{}) orelse 0;
    for (0..@intCast(@min(offset, std.math.maxInt(u32)))) |_| _ = try reader.next() orelse break;
    var rows: std.ArrayList(Value) = .empty;
    var width: ?usize = if (columns) |names| names.len else null;
    while (rows.items.len < limit) {
        var values = try reader.next() orelse break;
        const wanted = width orelse values.len;
        if (ragged == .fill and columns != null) values = dropEmptyEnd(values, wanted);
        width = wanted;
        if (values.len != wanted and (ragged == .fail or (values.len > wanted and columns != null))) {
            return reader.fail(try ctx.print("a row of {d} values, where {d} are due", .{ values.len, wanted }));
        }
        try rows.append(ctx.allocator, if (columns) |names| try asObject(ctx, names, values) else .{ .array = values });
    }
    return ctx.value(.{ .rows = rows.items, .count = rows.items.len, .columns = columns });
}

/// Without empty values behind the last column, which a delimiter at the end of the line makes.
fn dropEmptyEnd(values: []const Value, width: usize) []const Value {
    var kept = values;
    while (kept.len > width and kept[kept.len - 1].string.len == 0) kept = kept[0 .. kept.len - 1];
    return kept;
}

fn checkHeader(ctx: *Context, values: []const Value) Error![]const []const u8 {
    const names = try ctx.allocator.alloc([]const u8, values.len);
    for (values, names, 1..) |value, *name, place| {
        name.* = if (value.string.len > 0) value.string else try ctx.print("column_{d}", .{place});
    }
    if (try dialect.findTwice(ctx, names)) |twice| {
        const message = "The header has the column `{s}` twice; `columns` gives them other names.";
        return ctx.fail("INVALID_CSV", try ctx.print(message, .{twice}));
    }
    return names;
}

/// Null for what a short row lacks.
fn asObject(ctx: *Context, names: []const []const u8, values: []const Value) Error!Value {
    const row = try sdk.newObject(ctx.allocator);
    for (names, 0..) |name, i| try row.put(ctx.allocator, name, if (i < values.len) values[i] else .null);
    return .{ .object = row };
}

const Reader = struct {
    ctx: *Context,
    source: []const u8,
    delimiter: u8,
    /// Whether white space around values is left out.
    trims: bool,
    at: usize = 0,
    line: usize = 1,
    /// Where the row begins.
    row_line: usize = 1,

    /// The next row that is not an empty line; null at the end.
    fn next(reader: *Reader) Error!?[]const Value {
        while (reader.at < reader.source.len and reader.skipLineEnd()) {}
        if (reader.at == reader.source.len) return null;
        reader.row_line = reader.line;
        var values: std.ArrayList(Value) = .empty;
        while (true) {
            try values.append(reader.ctx.allocator, .{ .string = try reader.readValue() });
            if (reader.at == reader.source.len or reader.skipLineEnd()) return values.items;
            reader.at += 1; // the delimiter
        }
    }

    fn skipLineEnd(reader: *Reader) bool {
        const rest = reader.source[reader.at..];
        const length: usize = if (std.mem.startsWith(u8, rest, "\r\n")) 2 else if (rest[0] == '\n' or rest[0] == '\r') 1 else 0;
        reader.at += length;
        if (length > 0) reader.line += 1;
        return length > 0;
    }

    /// Up to a delimiter, a line's end or the end. RFC 4180 allows quotes only in values that begin with one; in others
    /// they stand for themselves, as every spreadsheet reads them: 5" nails.
    fn readValue(reader: *Reader) Error![]const u8 {
        if (reader.trims) reader.skipSpaces();
        if (reader.at < reader.source.len and reader.source[reader.at] == '"') return reader.readQuoted();
        const start = reader.at;
        while (reader.at < reader.source.len) : (reader.at += 1) {
            const char = reader.source[reader.at];
            if (char == reader.delimiter or char == '\n' or char == '\r') break;
        }
        const value = reader.source[start..reader.at];
        return if (reader.trims) std.mem.trimEnd(u8, value, " \t") else value;
    }

    fn skipSpaces(reader: *Reader) void {
        while (reader.at < reader.source.len) : (reader.at += 1) {
            const char = reader.source[reader.at];
            if (char == reader.delimiter or (char != ' ' and char != '\t')) return;
        }
    }

    fn readQuoted(reader: *Reader) Error![]const u8 {
        reader.at += 1;
        var value: std.ArrayList(u8) = .empty;
        while (true) {
            const end = std.mem.indexOfScalarPos(u8, reader.source, reader.at, '"') orelse
                return reader.fail("a quote that is not closed");
            const part = reader.source[reader.at..end];
            reader.line += std.mem.count(u8, part, "\n");
            reader.at = end + 1;
            if (reader.trims) reader.skipSpaces();
            const rest = reader.source[reader.at..];
            const is_end = rest.len == 0 or rest[0] == reader.delimiter or rest[0] == '\n' or rest[0] == '\r';
            if (is_end and value.items.len == 0) return part;
            try value.appendSlice(reader.ctx.allocator, part);
            if (is_end) return value.items;
            if (rest[0] != '"') return reader.fail("text behind a quote that closes");
            try value.append(reader.ctx.allocator, '"');
            reader.at += 1;
        }
    }

    fn fail(reader: *const Reader, what: []const u8) Error {
        const message = "`input` cannot be read: it has {s} (in the row of line {d}).";
        return reader.ctx.fail("INVALID_CSV", try reader.ctx.print(message, .{ what, reader.row_line }));
    }
};
