//! JSON values. Numbers keep the form in which they were written, so one that only passes through is never changed.

const std = @import("std");
const Allocator = std.mem.Allocator;
const number = @import("number.zig");
const object = @import("object.zig");

pub const Object = object.Object;
pub const Member = object.Member;

pub const Value = union(enum) {
    null,
    boolean: bool,
    /// As RFC 8259 writes it: `-1.50e3`. `sdk.number` compares and converts it.
    number: []const u8,
    /// WTF-8: UTF-8 in which a lone surrogate (`"\ud800"`) is kept as its three bytes.
    string: []const u8,
    array: []const Value,
    object: *Object,

    /// Turn a Zig value into JSON: a Value, bool, integer, text, optional (null), slice, tuple or struct.
    pub fn from(allocator: Allocator, source: anytype) Allocator.Error!Value {
        const T = @TypeOf(source);
        if (T == Value) return source;
        if (T == *Object) return .{ .object = source };
        switch (@typeInfo(T)) {
            .bool => return .{ .boolean = source },
            .int, .comptime_int => return .{ .number = try allocator.print("{d}", .{source}) },
            .optional => return if (source) |present| from(allocator, present) else .null,
            .@"struct" => |form| {
                return if (form.is_tuple) fromTuple(allocator, source) else fromStruct(allocator, source);
            },
            .pointer => return fromSlice(allocator, source),
            else => @compileError("there is no JSON for " ++ @typeName(T)),
        }
    }

    fn fromTuple(allocator: Allocator, source: anytype) Allocator.Error!Value {
        const values = try allocator.alloc(Value, source.len);
        inline for (0..source.len) |i| values[i] = try from(allocator, source[i]);
        return .{ .array = values };
    }

    fn fromStruct(allocator: Allocator, source: anytype) Allocator.Error!Value {
        const made = try newObject(allocator);
        inline for (@typeInfo(@TypeOf(source)).@"struct".field_names) |name| {
            try made.put(allocator, name, try from(allocator, @field(source, name)));
        }
        return .{ .object = made };
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

    /// A text, number or boolean as text; null for all else.
    pub fn scalarText(value: Value) ?[]const u8 {
        return switch (value) {
            .string => |text| text,
            .number => |lexeme| lexeme,
            .boolean => |flag| if (flag) "true" else "false",
            else => null,
        };
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
            .object => |fields| fields.members().len == b.object.members().len and for (fields.members()) |member| {
                const other = b.object.get(member.name) orelse break false;
                if (!member.value.eql(other)) break false;
            } else true,
        };
    }

    /// The same for values that are `eql`.
    pub fn hash(value: Value) u32 {
        const seed = @as(u32, @backingInt(value)) + 1;
        return seed *% 0x9E3779B1 +% switch (value) {
            .null => 0,
            .boolean => |flag| @intFromBool(flag),
            .number => |lexeme| number.hash(lexeme),
            .string => |text| std.hash.Fnv1a_32.hash(text),
            .array => |items| blk: {
                var sum: u32 = 0;
                for (items) |item| sum = sum *% 31 +% item.hash();
                break :blk sum;
            },
            .object => |fields| blk: {
                var sum: u32 = 0;
                for (fields.members()) |member| sum +%= std.hash.Fnv1a_32.hash(member.name) ^ member.value.hash() *% 31;
                break :blk sum;
            },
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
    const made = try allocator.create(Object);
    made.* = .{};
    return made;
}
