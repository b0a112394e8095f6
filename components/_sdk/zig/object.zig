//! The members of a JSON object: in order of insertion, found by name in constant time.
//! (std.array_hash_map does the same in five times the code, which every component would carry.)

const std = @import("std");
const Allocator = std.mem.Allocator;
const Value = @import("json.zig").Value;

pub const Member = struct { name: []const u8, value: Value };

/// Fewer members than this are looked through one by one.
const min_indexed = 9;

pub const Object = struct {
    list: std.ArrayList(Member) = .empty,
    /// Open addressing: a slot holds a member's position plus one, or 0. A power of two, at least twice the members.
    slots: []u32 = &.{},

    pub fn members(object: *const Object) []const Member {
        return object.list.items;
    }

    pub fn get(object: *const Object, name: []const u8) ?Value {
        const at = object.find(name) orelse return null;
        return object.list.items[at].value;
    }

    /// Add a member, or give it another value; then it keeps its place.
    pub fn put(object: *Object, allocator: Allocator, name: []const u8, value: Value) Allocator.Error!void {
        if (object.find(name)) |at| {
            object.list.items[at].value = value;
            return;
        }
        try object.list.append(allocator, .{ .name = name, .value = value });
        const count = object.list.items.len;
        if (count >= min_indexed) {
            if (count * 2 > object.slots.len) try object.index(allocator) else object.enter(count - 1);
        }
    }

    fn find(object: *const Object, name: []const u8) ?usize {
        if (object.slots.len == 0) {
            for (object.list.items, 0..) |member, at| {
                if (std.mem.eql(u8, member.name, name)) return at;
            }
            return null;
        }
        var slot = object.firstSlot(name);
        while (object.slots[slot] != 0) : (slot = (slot + 1) % object.slots.len) {
            const at = object.slots[slot] - 1;
            if (std.mem.eql(u8, object.list.items[at].name, name)) return at;
        }
        return null;
    }

    fn index(object: *Object, allocator: Allocator) Allocator.Error!void {
        object.slots = try allocator.alloc(u32, std.math.ceilPowerOfTwoAssert(usize, object.list.items.len * 4));
        @memset(object.slots, 0);
        for (0..object.list.items.len) |at| object.enter(at);
    }

    fn enter(object: *Object, at: usize) void {
        var slot = object.firstSlot(object.list.items[at].name);
        while (object.slots[slot] != 0) slot = (slot + 1) % object.slots.len;
        object.slots[slot] = @intCast(at + 1);
    }

    fn firstSlot(object: *const Object, name: []const u8) usize {
        return std.hash.Fnv1a_32.hash(name) & (object.slots.len - 1);
    }
};

test "members keep their order and are found again" {
    var arena = std.heap.ArenaAllocator.init(std.testing.allocator);
    defer arena.deinit();
    var object: Object = .{};
    for (0..1000) |i| {
        const name = try arena.allocator().print("m{d}", .{i * 7 % 1000});
        try object.put(arena.allocator(), name, .{ .boolean = false });
        try object.put(arena.allocator(), name, .{ .number = name[1..] });
    }
    try std.testing.expectEqual(1000, object.members().len);
    for (object.members(), 0..) |member, i| {
        try std.testing.expectEqual(i * 7 % 1000, try std.fmt.parseInt(usize, member.name[1..], 10));
        try std.testing.expectEqualStrings(member.name[1..], object.get(member.name).?.number);
    }
    try std.testing.expectEqual(null, object.get("m1000"));
}
