//! html: what a page has, by CSS selectors, and its text.

const std = @import("std");
const sdk = @import("sdk");
const match = @import("match.zig");
const selector = @import("selector.zig");
const table = @import("table.zig");
const write = @import("write.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Node = @import("node.zig").Node;
const Selector = selector.Selector;
const Value = sdk.Value;

const Operation = enum { select, table, text };
const max_count = 100_000;
/// Elements within one another, which are walked by recursion. Browsers have such a limit too.
const max_depth = 250;

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const operation = try input.choice(Operation, "operation");
    const root: Node = .parse(try input.text("input"));
    if (!isWithin(root, max_depth)) {
        return ctx.fail("TOO_DEEP", "Elements of the page are nested more than 250 levels deep.");
    }
    return switch (operation) {
        .select => select(ctx, input, root),
        .table => readTable(ctx, input, root),
        .text => text(ctx, input, root),
    };
}

fn isWithin(node: Node, depth: usize) bool {
    if (depth == 0) return false;
    for (0..node.childCount()) |at| if (!isWithin(node.child(at), depth - 1)) return false;
    return true;
}

fn text(ctx: *Context, input: Input, root: Node) Error!Value {
    var found: std.ArrayList(Node) = .empty;
    if (try input.optionalText("selector")) |source| {
        try match.select(ctx.allocator, &found, root.document(), try selector.parse(ctx, "selector", source), 1);
    } else try found.append(ctx.allocator, root);
    var titles: std.ArrayList(Node) = .empty;
    try match.select(ctx.allocator, &titles, root, try selector.parse(ctx, "title", "head > title"), 1);
    return ctx.value(.{
        .text = if (found.items.len > 0) try write.readable(ctx.allocator, found.items[0]) else null,
        .title = if (titles.items.len > 0) try write.readable(ctx.allocator, titles.items[0]) else null,
    });
}

/// The first table that `selector` finds, or that is in what it finds; nothing but empty fields if there is none.
fn readTable(ctx: *Context, input: Input, root: Node) Error!Value {
    const limit = try limitOf(input);
    const header = try input.optionalBoolean("header");
    const wanted = try selector.parse(ctx, "selector", try input.optionalText("selector") orelse "table");
    const tables = try selector.parse(ctx, "table", "table");
    var found: std.ArrayList(Node) = .empty;
    try match.select(ctx.allocator, &found, root.document(), wanted, max_count);
    for (found.items) |node| {
        if (node.isTag("table")) return table.read(ctx, node, header, limit);
        var within: std.ArrayList(Node) = .empty;
        try match.select(ctx.allocator, &within, node, tables, 1);
        if (within.items.len > 0) return table.read(ctx, within.items[0], header, limit);
    }
    return ctx.value(.{ .rows = @as([]const Value, &.{}), .count = 0, .columns = @as(?Value, null) });
}

fn limitOf(input: Input) Error!usize {
    return @intCast(try input.optionalInteger("limit", .{ .min = 1, .max = max_count }) orelse max_count);
}

fn select(ctx: *Context, input: Input, root: Node) Error!Value {
    const selectors = try selector.parse(ctx, "selector", try input.text("selector"));
    const limit = try limitOf(input);
    const base = try baseOf(ctx, input, root);
    const fields = if (try input.optionalObject("fields")) |given| try readFields(ctx, given) else null;
    var found: std.ArrayList(Node) = .empty;
    try match.select(ctx.allocator, &found, root.document(), selectors, limit);
    const items = try ctx.allocator.alloc(Value, found.items.len);
    const has_markup = try input.optionalBoolean("html") orelse false;
    for (found.items, items) |node, *item| {
        item.* = if (fields) |listed| try extract(ctx, node, listed, base) else try describe(ctx, node, has_markup, base);
    }
    return ctx.value(.{ .items = @as([]const Value, items), .count = items.len });
}

/// {"tag", "text", "attributes"}, and "html" if it is wanted.
fn describe(ctx: *Context, node: Node, has_markup: bool, base: ?[]const u8) Error!Value {
    const attributes = try sdk.newObject(ctx.allocator);
    for (0..node.attributeCount()) |at| {
        const attribute = node.attributeAt(at);
        const value = try resolve(ctx, base, attribute.name, attribute.value);
        try attributes.put(ctx.allocator, attribute.name, .{ .string = value });
    }
    const made = try sdk.newObject(ctx.allocator);
    try made.put(ctx.allocator, "tag", .{ .string = try std.ascii.allocLowerString(ctx.allocator, node.tag()) });
    try made.put(ctx.allocator, "text", .{ .string = try write.readable(ctx.allocator, node) });
    try made.put(ctx.allocator, "attributes", .{ .object = attributes });
    if (has_markup) try made.put(ctx.allocator, "html", .{ .string = try write.markup(ctx.allocator, node) });
    return .{ .object = made };
}

/// What links are relative to, if the input has `base_url`: that, or the page's `<base href>`.
fn baseOf(ctx: *Context, input: Input, root: Node) Error!?[]const u8 {
    const given = try input.optionalText("base_url") orelse return null;
    if (!sdk.url.isBase(given)) {
        return input.mistyped("base_url", "a URL with its scheme, such as https://example.com/news", .{ .string = given });
    }
    var found: std.ArrayList(Node) = .empty;
    try match.select(ctx.allocator, &found, root, try selector.parse(ctx, "base", "base[href]"), 1);
    return if (found.items.len > 0) try sdk.url.resolve(ctx.allocator, given, found.items[0].attribute("href").?) else given;
}

/// The value of an attribute, absolute if it is a URL and there is a base.
fn resolve(ctx: *Context, base: ?[]const u8, name: []const u8, value: []const u8) Error![]const u8 {
    const known = base orelse return value;
    for ([_][]const u8{ "href", "src", "action", "poster" }) |each| {
        if (std.ascii.eqlIgnoreCase(each, name)) return sdk.url.resolve(ctx.allocator, known, value);
    }
    return value;
}

/// What is read of each element that the selector finds: the first one within that fits, or the element itself; an
/// attribute of it, its markup (`@html`), or else its text. In a list, the same of all that fit.
const Field = struct { name: []const u8, selectors: ?[]const Selector, attribute: ?[]const u8, is_list: bool };

fn readFields(ctx: *Context, given: Input) Error![]const Field {
    const fields = try ctx.allocator.alloc(Field, given.fields.members().len);
    for (given.fields.members(), fields) |member, *field| {
        const value = member.value;
        const is_list = value == .array and value.array.len == 1 and value.array[0] == .string;
        if (!is_list and value != .string) {
            return given.mistyped(member.name, "a text such as `a@href`, or a list with one text, for all that it finds", value);
        }
        const source = if (is_list) value.array[0].string else value.string;
        const at = std.mem.lastIndexOfScalar(u8, source, '@');
        const path = std.mem.trim(u8, if (at) |place| source[0..place] else source, " \t\r\n");
        const told = try ctx.print("fields.{s}", .{member.name});
        const attribute = if (at) |place| source[place + 1 ..] else "text";
        field.* = .{
            .name = member.name,
            .selectors = if (path.len > 0) try selector.parse(ctx, told, path) else null,
            .attribute = if (std.mem.eql(u8, attribute, "text")) null else attribute,
            .is_list = is_list,
        };
    }
    return fields;
}

/// Null where there is no such element or attribute.
fn extract(ctx: *Context, node: Node, fields: []const Field, base: ?[]const u8) Error!Value {
    const made = try sdk.newObject(ctx.allocator);
    for (fields) |field| try made.put(ctx.allocator, field.name, try extractField(ctx, node, field, base));
    return .{ .object = made };
}

fn extractField(ctx: *Context, node: Node, field: Field, base: ?[]const u8) Error!Value {
    var found: std.ArrayList(Node) = .empty;
    if (field.selectors) |selectors| {
        try match.select(ctx.allocator, &found, node, selectors, if (field.is_list) max_count else 1);
    } else try found.append(ctx.allocator, node);
    var values: std.ArrayList(Value) = .empty;
    for (found.items) |each| {
        if (try readPart(ctx, each, field.attribute, base)) |part| try values.append(ctx.allocator, .{ .string = part });
    }
    if (field.is_list) return .{ .array = values.items };
    return if (values.items.len > 0) values.items[0] else .null;
}

/// An attribute of an element, its markup, or its text.
fn readPart(ctx: *Context, node: Node, attribute: ?[]const u8, base: ?[]const u8) Error!?[]const u8 {
    const wanted = attribute orelse return try write.readable(ctx.allocator, node);
    if (std.mem.eql(u8, wanted, "html")) return try write.markup(ctx.allocator, node);
    return try resolve(ctx, base, wanted, node.attribute(wanted) orelse return null);
}
