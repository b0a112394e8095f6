//! The rows of a range: lists of cells, or objects named by the first row.

const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

/// A list of lists of texts, numbers, booleans and nulls, which Google writes as they are.
pub fn readCells(ctx: *Context, input: Input, name: []const u8) Error![]const Value {
    const given = try input.list(name);
    if (given.len == 0) return input.mistyped(name, "a list of at least one row", .{ .array = given });
    for (given, 0..) |row, i| {
        const place = try ctx.print("{s}[{d}]", .{ name, i });
        if (row != .array) return input.mistyped(place, "a list of cells", row);
        for (row.array, 0..) |cell, j| {
            if (cell == .null or cell.scalarText() != null) continue;
            const cell_place = try ctx.print("{s}[{d}]", .{ place, j });
            return input.mistyped(cell_place, "a text, a number, true, false or null", cell);
        }
    }
    return given;
}

/// All rows but the first, each an object. Google leaves out empty cells at a row's end: they are empty texts here.
/// Cells without a name are dropped.
pub fn nameCells(ctx: *Context, values: Value) Error![]const Value {
    if (values != .array or values.array.len == 0) return &.{};
    const names = cellsOf(values.array[0]);
    const named = try ctx.allocator.alloc(Value, values.array.len - 1);
    for (values.array[1..], named) |row, *made| {
        const cells = cellsOf(row);
        const fields = try sdk.newObject(ctx.allocator);
        for (names, 0..) |name, i| {
            const key = name.scalarText() orelse continue;
            if (key.len == 0) continue;
            try fields.put(ctx.allocator, key, if (i < cells.len) cells[i] else .{ .string = "" });
        }
        made.* = .{ .object = fields };
    }
    return named;
}

fn cellsOf(row: Value) []const Value {
    return if (row == .array) row.array else &.{};
}
