//! html: what a page has, by CSS selectors, and its text.

const std = @import("std");
const sdk = @import("sdk");
const match = @import("match.zig");
const selector = @import("selector.zig");
const write = @import("write.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Node = @import("node.zig").Node;
const Selector = selector.Selector;
const Value = sdk.Value;

const Operation = enum { select, text };
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

fn select(ctx: *Context, input: Input, root: Node) Error!Value {
    const selectors = try selector.parse(ctx, "selector", try input.text("selector"));
    const limit: usize = @intCast(try input.optionalInteger("limit", .{ .min = 1, .max = max_count }) orelse max_count);
    const fields = if (try input.optionalObject("fields")) |given| try readFields(ctx, given) else null;
    var found: std.ArrayList(Node) = .empty;
    try match.select(ctx.allocator, &found, root.document(), selectors, limit);
    const items = try ctx.allocator.alloc(Value, found.items.len);
    const has_markup = try input.optionalBoolean("html") orelse false;
    for (found.items, items) |node, *item| {
        item.* = if (fields) |listed| try extract(ctx, node, listed) else try describe(ctx, node, has_markup);
    }
    return ctx.value(.{ .items = @as([]const Value, items), .count = items.len });
}

/// {"tag", "text", "attributes"}, and "html" if it is wanted.
fn describe(ctx: *Context, node: Node, has_markup: bool) Error!Value {
    const attributes = try sdk.newObject(ctx.allocator);
    for (0..node.attributeCount()) |at| {
        const attribute = node.attributeAt(at);
        try attributes.put(ctx.allocator, attribute.name, .{ .string = attribute.value });
    }
    const made = try sdk.newObject(ctx.allocator);
    try made.put(ctx.allocator, "tag", .{ .string = try std.ascii.allocLowerString(ctx.allocator, node.tag()) });
    try made.put(ctx.allocator, "text", .{ .string = try write.readable(ctx.allocator, node) });
    try made.put(ctx.allocator, "attributes", .{ .object = attributes });
    if (has_markup) try made.put(ctx.allocator, "html", .{ .string = try write.markup(ctx.allocator, node) });
    return .{ .object = made };
}

/// What is read of each element that the selector finds: the first one within that fits, or the element itself; an
/// attribute of it, its markup (`@html`), or else its text.
const Field = struct { name: []const u8, selectors: ?[]const Selector, attribute: ?[]const u8 };

fn readFields(ctx: *Context, given: Input) Error![]const Field {
    const fields = try ctx.allocator.alloc(Field, given.fields.members().len);
    for (given.fields.members(), fields) |member, *field| {
        const source = try given.text(member.name);
        const at = std.mem.lastIndexOfScalar(u8, source, '@');
        const path = std.mem.trim(u8, if (at) |place| source[0..place] else source, " \t\r\n");
        const told = try ctx.print("fields.{s}", .{member.name});
        field.* = .{
            .name = member.name,
            .selectors = if (path.len > 0) try selector.parse(ctx, told, path) else null,
            .attribute = if (at) |place| source[place + 1 ..] else null,
        };
    }
    return fields;
}

/// Null where there is no such element or attribute.
fn extract(ctx: *Context, node: Node, fields: []const Field) Error!Value {
    const made = try sdk.newObject(ctx.allocator);
    for (fields) |field| {
        try made.put(ctx.allocator, field.name, if (try extractField(ctx, node, field)) |found| .{ .string = found } else .null);
    }
    return .{ .object = made };
}

fn extractField(ctx: *Context, node: Node, field: Field) Error!?[]const u8 {
    var found: std.ArrayList(Node) = .empty;
    if (field.selectors) |selectors| {
        try match.select(ctx.allocator, &found, node, selectors, 1);
    } else try found.append(ctx.allocator, node);
    if (found.items.len == 0) return null;
    const wanted = field.attribute orelse return try write.readable(ctx.allocator, found.items[0]);
    if (std.mem.eql(u8, wanted, "html")) return try write.markup(ctx.allocator, found.items[0]);
    return found.items[0].attribute(wanted);
}
