//! JSON values. Numbers keep the form in which they were written, so that one that only passes through is never changed.

const std = @import("std");
const Allocator = std.mem.Allocator;
const number = @import("number.zig");

/// In order of insertion. Of members with the same name the parser keeps the last, as Python and JavaScript do.
pub const Object = std.array_hash_map.String(Value);

pub const Value = union(enum) {
    null,
    boolean: bool,
    /// As RFC 8259 writes it: `-1.50e3`. `sdk.number` compares and converts it.
    number: []const u8,
    /// WTF-8: UTF-8 in which a lone surrogate (`"\ud800"`) is kept as its three bytes.
    string: []const u8,
    array: []const Value,
    object: *Object,

    /// Turn a Zig value into JSON: a Value, bool, integer, text, optional (null), slice or struct.
    pub fn from(allocator: Allocator, source: anytype) Allocator.Error!Value {
        const T = @TypeOf(source);
        if (T == Value) return source;
        if (T == *Object) return .{ .object = source };
        switch (@typeInfo(T)) {
            .bool => return .{ .boolean = source },
            .int, .comptime_int => return .{ .number = try allocator.print("{d}", .{source}) },
            .optional => return if (source) |present| from(allocator, present) else .null,
            .@"struct" => return fromStruct(allocator, source),
            .pointer => return fromSlice(allocator, source),
            else => @compileError("there is no JSON for " ++ @typeName(T)),
        }
    }

    fn fromStruct(allocator: Allocator, source: anytype) Allocator.Error!Value {
        const object = try newObject(allocator);
        inline for (@typeInfo(@TypeOf(source)).@"struct".field_names) |name| {
            try object.put(allocator, name, try from(allocator, @field(source, name)));
        }
        return .{ .object = object };
    }

    fn fromSlice(allocator: Allocator, source: anytype) Allocator.Error!Value {
        const Element = std.meta.Elem(@TypeOf(source));
        if (Element == u8) return .{ .string = source };
        if (Element == Value) return .{ .array = source };
        const values = try allocator.alloc(Value, source.len);
        for (values, source) |*value, element| value.* = try from(allocator, element);
        return .{ .array = values };
    }

    /// The member `name` of an object; null if there is none or this is not an object.
    pub fn get(value: Value, name: []const u8) ?Value {
        return if (value == .object) value.object.get(name) else null;
    }

    /// Equality as JSON Schema has it: numbers by value (1 = 1.0), objects without regard to order.
    pub fn eql(a: Value, b: Value) bool {
        if (std.meta.activeTag(a) != std.meta.activeTag(b)) return false;
        return switch (a) {
            .null => true,
            .boolean => |flag| flag == b.boolean,
            .number => |lexeme| number.order(lexeme, b.number) == .eq,
            .string => |bytes| std.mem.eql(u8, bytes, b.string),
            .array => |items| items.len == b.array.len and for (items, b.array) |item, other| {
                if (!item.eql(other)) break false;
            } else true,
            .object => |members| members.count() == b.object.count() and for (members.keys(), members.values()) |name, member| {
                const other = b.object.get(name) orelse break false;
                if (!member.eql(other)) break false;
            } else true,
        };
    }

    /// What it is, for a message: "a text", "a number" ...
    pub fn kind(value: Value) []const u8 {
        return switch (value) {
            .null => "null",
            .boolean => "true or false",
            .number => "a number",
            .string => "a text",
            .array => "a list",
            .object => "an object",
        };
    }
};

pub fn newObject(allocator: Allocator) Allocator.Error!*Object {
    const object = try allocator.create(Object);
    object.* = .empty;
    return object;
}
