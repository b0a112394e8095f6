//! Which code points are the same but for their case, by Unicode's simple case folding as ECMA-262 has it with the flags i
//! and u. The tables are those of `case.zig`: what maps to the same lower or upper letter folds to the same.

const std = @import("std");
const class = @import("class.zig");
const tables = @import("../unicode_tables.zig");
const Allocator = std.mem.Allocator;
const Range = class.Range;

/// Maps to "I", yet folds to nothing but itself: it is a letter of its own in Turkish.
const dotless_i = 'ı';

/// The ranges with all that differs from a member only in case; normalized.
pub fn close(allocator: Allocator, ranges: []const Range) Allocator.Error![]const Range {
    var closed = class.normalize(try allocator.dupe(Range, ranges));
    // From a small letter to its capital, and from there to the other small ones of it: "σ", "Σ", "ς".
    for (0..3) |_| {
        var all: std.ArrayList(Range) = .empty;
        try all.appendSlice(allocator, closed);
        for ([_][]const tables.Run{ &tables.upper_runs, &tables.lower_runs }) |runs| {
            for (runs) |run| try addMapped(allocator, &all, closed, run);
        }
        const larger = class.normalize(all.items);
        if (larger.len == closed.len and std.mem.eql(u8, std.mem.sliceAsBytes(larger), std.mem.sliceAsBytes(closed))) break;
        closed = larger;
    }
    return closed;
}

/// Both ways: what members map to, and what maps to members.
fn addMapped(allocator: Allocator, all: *std.ArrayList(Range), members: []const Range, run: tables.Run) Allocator.Error!void {
    for (0..run.count) |i| {
        const from: u21 = @intCast(run.first + i * run.stride);
        if (from == dotless_i) continue;
        const to: u21 = @intCast(@as(i32, from) + run.delta);
        const has_from = class.contains(members, from);
        if (has_from == class.contains(members, to)) continue;
        const other = if (has_from) to else from;
        try all.append(allocator, .{ .first = other, .last = other });
    }
}
