//! A tree as JSON: an element is the text in it, or an object if it has attributes or elements.

const std = @import("std");
const sdk = @import("sdk");
const tree = @import("tree.zig");
const Context = sdk.Context;
const Element = tree.Element;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

pub fn convert(ctx: *Context, input: Input, root: *const Element) Error!Value {
    var converter: Converter = .{
        .ctx = ctx,
        .lists = try sdk.newObject(ctx.allocator),
        .strips_prefixes = try input.optionalBoolean("strip_prefixes") orelse false,
    };
    for (try input.optionalList("lists") orelse &.{}, 0..) |name, i| {
        if (name != .string) return input.mistyped(try ctx.print("lists[{d}]", .{i}), "a text", name);
        try converter.lists.put(ctx.allocator, name.string, .null);
    }
    const result = try sdk.newObject(ctx.allocator);
    try result.put(ctx.allocator, converter.nameOf(root.name), try converter.convertElement(root));
    return .{ .object = result };
}

const Converter = struct {
    ctx: *Context,
    /// The names of elements that are always a list.
    lists: *sdk.Object,
    strips_prefixes: bool,

    fn nameOf(converter: *const Converter, name: []const u8) []const u8 {
        return if (converter.strips_prefixes) tree.localPart(name) else name;
    }

    fn convertElement(converter: *Converter, element: *const Element) Error!Value {
        const allocator = converter.ctx.allocator;
        const members = try sdk.newObject(allocator);
        for (element.attributes) |attribute| {
            if (converter.strips_prefixes and std.mem.startsWith(u8, attribute.name, "xmlns")) continue;
            const name = try converter.ctx.print("@{s}", .{converter.nameOf(attribute.name)});
            try members.put(allocator, name, .{ .string = attribute.value });
        }
        const lists = try sdk.newObject(allocator); // of each element's name, how many there are
        var text: std.ArrayList(u8) = .empty;
        for (element.children) |child| switch (child) {
            .text => |part| try text.appendSlice(allocator, part),
            .element => |inner| try converter.add(members, lists, inner),
        };
        const trimmed = std.mem.trim(u8, text.items, " \t\r\n");
        if (members.members().len == 0) return .{ .string = trimmed };
        if (trimmed.len > 0) try members.put(allocator, "#text", .{ .string = trimmed });
        return .{ .object = members };
    }

    /// Elements of the same name become a list.
    fn add(converter: *Converter, members: *sdk.Object, lists: *sdk.Object, element: *const Element) Error!void {
        const allocator = converter.ctx.allocator;
        const name = converter.nameOf(element.name);
        const value = try converter.convertElement(element);
        const there = members.get(name) orelse {
            if (converter.lists.get(name) == null) return members.put(allocator, name, value);
            return members.put(allocator, name, try start(allocator, lists, name, &.{value}));
        };
        if (lists.get(name) == null) {
            return members.put(allocator, name, try start(allocator, lists, name, &.{ there, value }));
        }
        try members.put(allocator, name, try grow(allocator, there, value));
    }

    fn start(allocator: std.mem.Allocator, lists: *sdk.Object, name: []const u8, values: []const Value) Error!Value {
        try lists.put(allocator, name, .null);
        const room = try allocator.alloc(Value, 4);
        @memcpy(room[0..values.len], values);
        return .{ .array = room[0..values.len] };
    }

    /// Lists have room for the next power of two, so that many elements are not copied again for each.
    fn grow(allocator: std.mem.Allocator, list: Value, value: Value) Error!Value {
        const count = list.array.len;
        if (count >= 4 and std.math.isPowerOfTwo(count)) {
            const room = try allocator.alloc(Value, count * 2);
            @memcpy(room[0..count], list.array);
            room[count] = value;
            return .{ .array = room[0 .. count + 1] };
        }
        const room: [*]Value = @constCast(list.array.ptr);
        room[count] = value;
        return .{ .array = room[0 .. count + 1] };
    }
};
