//! A table as rows: its cells by the HTML Standard's table model (section 4.9.12), in which one may span several.

const std = @import("std");
const sdk = @import("sdk");
const write = @import("write.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Node = @import("node.zig").Node;
const Value = sdk.Value;

/// HTML Standard, section 4.9.11.
const max_span = 1000;
const max_cells = 200_000;

/// Whether the first row has the columns' names; null if the table tells it by its `thead` and `th`.
pub const Header = ?bool;

pub fn read(ctx: *Context, table: Node, header: Header, limit: usize) Error!Value {
    var grid: Grid = .{ .ctx = ctx };
    try grid.addRows(table, false);
    const head = grid.countHead(header);
    const names = if (head > 0) try grid.nameColumns(head) else null;
    const body = grid.rows.items[head..];
    const rows = try ctx.allocator.alloc(Value, @min(body.len, limit));
    for (rows, body[0..rows.len]) |*row, given| row.* = try grid.valueOf(given.cells.items, names);
    return ctx.value(.{ .rows = @as([]const Value, rows), .count = rows.len, .columns = names });
}

const Row = struct {
    cells: std.ArrayList(?[]const u8) = .empty,
    is_in_head: bool,
    /// Whether all of its cells are `th`.
    is_of_headers: bool = true,
};

/// A cell that goes on in the rows below: in how many, and its text.
const Reaching = struct { rows: usize = 0, text: []const u8 = "" };

const Grid = struct {
    ctx: *Context,
    rows: std.ArrayList(Row) = .empty,
    width: usize = 0,
    count: usize = 0,

    /// The rows of a table, or of a group of rows in it, beyond which no cell reaches.
    fn addRows(grid: *Grid, parent: Node, is_in_head: bool) Error!void {
        var reaching: std.ArrayList(Reaching) = .empty;
        for (0..parent.childCount()) |at| {
            const child = parent.child(at);
            if (!child.isElement()) continue;
            if (child.isTag("tr")) {
                try grid.addRow(child, is_in_head, &reaching);
            } else if (child.isTag("thead") or child.isTag("tbody") or child.isTag("tfoot")) {
                try grid.addRows(child, child.isTag("thead"));
            }
        }
    }

    fn addRow(grid: *Grid, element: Node, is_in_head: bool, reaching: *std.ArrayList(Reaching)) Error!void {
        var row: Row = .{ .is_in_head = is_in_head };
        for (0..element.childCount()) |at| {
            const cell = element.child(at);
            if (!cell.isElement() or !(cell.isTag("td") or cell.isTag("th"))) continue;
            if (cell.isTag("td")) row.is_of_headers = false;
            try grid.continueAbove(&row, reaching);
            const text = try write.readable(grid.ctx.allocator, cell);
            const below = rowSpanOf(cell) - 1;
            for (0..spanOf(cell, "colspan")) |_| {
                const column = row.cells.items.len;
                try grid.addCell(&row, text);
                if (below == 0) continue;
                while (reaching.items.len <= column) try reaching.append(grid.ctx.allocator, .{});
                reaching.items[column] = .{ .rows = below, .text = text };
            }
        }
        while (hasMore(reaching.items, row.cells.items.len)) {
            try grid.continueAbove(&row, reaching);
            if (hasMore(reaching.items, row.cells.items.len)) try grid.addCell(&row, null);
        }
        if (row.cells.items.len == 0) return;
        grid.width = @max(grid.width, row.cells.items.len);
        try grid.rows.append(grid.ctx.allocator, row);
    }

    /// The cells of rows above that reach into this place.
    fn continueAbove(grid: *Grid, row: *Row, reaching: *std.ArrayList(Reaching)) Error!void {
        while (row.cells.items.len < reaching.items.len) {
            const above = &reaching.items[row.cells.items.len];
            if (above.rows == 0) break;
            above.rows -= 1;
            try grid.addCell(row, above.text);
        }
    }

    /// Whether a cell from above reaches into a place from `column` on.
    fn hasMore(reaching: []const Reaching, column: usize) bool {
        if (column >= reaching.len) return false;
        return for (reaching[column..]) |above| {
            if (above.rows > 0) break true;
        } else false;
    }

    fn addCell(grid: *Grid, row: *Row, text: ?[]const u8) Error!void {
        grid.count += 1;
        if (grid.count > max_cells) return grid.ctx.fail("RESULT_TOO_LARGE", "The table has more than 200,000 cells.");
        try row.cells.append(grid.ctx.allocator, text);
    }

    /// How many rows have the columns' names.
    fn countHead(grid: *const Grid, header: Header) usize {
        const rows = grid.rows.items;
        if (rows.len == 0 or header == false) return 0;
        var head: usize = 0;
        while (head < rows.len and rows[head].is_in_head) head += 1;
        if (head > 0) return head;
        return if (header orelse rows[0].is_of_headers) 1 else 0;
    }

    /// Names of several rows are put together: "2026 Jan". One that is empty is called by its place, one that is there
    /// before gets a number.
    fn nameColumns(grid: *const Grid, head: usize) Error![]const []const u8 {
        const ctx = grid.ctx;
        const names = try ctx.allocator.alloc([]const u8, grid.width);
        const seen = try sdk.newObject(ctx.allocator);
        for (names, 0..) |*name, column| {
            const written = try grid.joinNames(head, column);
            const base = if (written.len > 0) written else try ctx.print("column_{d}", .{column + 1});
            name.* = base;
            var number: usize = 2;
            while (seen.get(name.*) != null) : (number += 1) name.* = try ctx.print("{s}_{d}", .{ base, number });
            try seen.put(ctx.allocator, name.*, .null);
        }
        return names;
    }

    fn joinNames(grid: *const Grid, head: usize, column: usize) Error![]const u8 {
        var joined: []const u8 = "";
        var last: []const u8 = "";
        for (grid.rows.items[0..head]) |row| {
            const text = (if (column < row.cells.items.len) row.cells.items[column] else null) orelse continue;
            if (text.len == 0 or std.mem.eql(u8, text, last)) continue;
            joined = if (joined.len == 0) text else try grid.ctx.print("{s} {s}", .{ joined, text });
            last = text;
        }
        return joined;
    }

    /// An object by the columns' names, or a list; null where there is no cell.
    fn valueOf(grid: *const Grid, cells: []const ?[]const u8, names: ?[]const []const u8) Error!Value {
        const allocator = grid.ctx.allocator;
        const values = try allocator.alloc(Value, grid.width);
        for (values, 0..) |*value, column| {
            const text = if (column < cells.len) cells[column] else null;
            value.* = if (text) |present| .{ .string = present } else .null;
        }
        const columns = names orelse return .{ .array = values };
        const row = try sdk.newObject(allocator);
        for (columns, values) |name, value| try row.put(allocator, name, value);
        return .{ .object = row };
    }
};

fn spanOf(cell: Node, name: []const u8) usize {
    const given = std.mem.trim(u8, cell.attribute(name) orelse return 1, " \t\r\n");
    const span = std.fmt.parseInt(usize, given, 10) catch return 1;
    return std.math.clamp(span, 1, max_span);
}

/// 0 is as far as the group goes.
fn rowSpanOf(cell: Node) usize {
    const given = std.mem.trim(u8, cell.attribute("rowspan") orelse return 1, " \t\r\n");
    return if (std.mem.eql(u8, given, "0")) std.math.maxInt(u32) else spanOf(cell, "rowspan");
}
