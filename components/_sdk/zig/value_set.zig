//! Finds equal values in a list (`Value.eql`) in linear time.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Value = @import("json.zig").Value;

pub const ValueSet = struct {
    /// Open addressing; a power of two, at least twice the values.
    slots: []Slot,

    const Slot = struct { value: Value, position: usize, taken: bool };

    /// Room for `capacity` values.
    pub fn init(allocator: Allocator, capacity: usize) Allocator.Error!ValueSet {
        const slots = try allocator.alloc(Slot, std.math.ceilPowerOfTwoAssert(usize, capacity * 2 + 1));
        for (slots) |*slot| slot.taken = false;
        return .{ .slots = slots };
    }

    /// Enter the value at `position` of a list. Returns the position of an equal one that is there already.
    pub fn enter(set: ValueSet, value: Value, position: usize) ?usize {
        const mask = set.slots.len - 1;
        // Values that differ in a late byte only must not lie side by side.
        var at: usize = (value.hash() *% 0x85EBCA6B >> 7) & mask;
        while (set.slots[at].taken) : (at = (at + 1) & mask) {
            if (set.slots[at].value.eql(value)) return set.slots[at].position;
        }
        set.slots[at] = .{ .value = value, .position = position, .taken = true };
        return null;
    }
};

test "equal values are found" {
    var arena = std.heap.ArenaAllocator.init(std.testing.allocator);
    defer arena.deinit();
    const set: ValueSet = try .init(arena.allocator(), 1000);
    for (0..1000) |i| {
        const lexeme = try arena.allocator().print("{d}", .{i});
        try std.testing.expectEqual(null, set.enter(.{ .number = lexeme }, i));
    }
    try std.testing.expectEqual(700, set.enter(.{ .number = "7.0e2" }, 0));
    try std.testing.expectEqual(null, set.enter(.{ .string = "7" }, 1000));
}
