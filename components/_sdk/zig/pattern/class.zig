//! Sets of code points.

const std = @import("std");
const Allocator = std.mem.Allocator;

pub const max_code_point = 0x10FFFF;

/// Both ends belong to it.
pub const Range = struct { first: u21, last: u21 };

pub const digits: []const Range = &.{.{ .first = '0', .last = '9' }};
pub const words: []const Range = &.{
    .{ .first = '0', .last = '9' }, .{ .first = 'A', .last = 'Z' }, .{ .first = '_', .last = '_' },
    .{ .first = 'a', .last = 'z' },
};
/// WhiteSpace and LineTerminator of ECMA-262.
pub const spaces: []const Range = &.{
    .{ .first = 0x09, .last = 0x0D },     .{ .first = 0x20, .last = 0x20 },     .{ .first = 0xA0, .last = 0xA0 },
    .{ .first = 0x1680, .last = 0x1680 }, .{ .first = 0x2000, .last = 0x200A }, .{ .first = 0x2028, .last = 0x2029 },
    .{ .first = 0x202F, .last = 0x202F }, .{ .first = 0x205F, .last = 0x205F }, .{ .first = 0x3000, .last = 0x3000 },
    .{ .first = 0xFEFF, .last = 0xFEFF },
};
pub const line_ends: []const Range = &.{
    .{ .first = '\n', .last = '\n' }, .{ .first = '\r', .last = '\r' }, .{ .first = 0x2028, .last = 0x2029 },
};

/// Ranges in order that neither overlap nor touch.
pub fn normalize(ranges: []Range) []const Range {
    std.sort.heap(Range, ranges, {}, isBefore);
    var count: usize = 0;
    for (ranges) |range| {
        if (count > 0 and range.first <= @as(u32, ranges[count - 1].last) + 1) {
            ranges[count - 1].last = @max(ranges[count - 1].last, range.last);
        } else {
            ranges[count] = range;
            count += 1;
        }
    }
    return ranges[0..count];
}

fn isBefore(_: void, a: Range, b: Range) bool {
    return a.first < b.first;
}

/// All code points that normalized ranges lack.
pub fn complement(allocator: Allocator, ranges: []const Range) Allocator.Error![]const Range {
    var others: std.ArrayList(Range) = .empty;
    var next: u32 = 0;
    for (ranges) |range| {
        if (range.first > next) try others.append(allocator, .{ .first = @intCast(next), .last = range.first - 1 });
        next = @as(u32, range.last) + 1;
    }
    if (next <= max_code_point) try others.append(allocator, .{ .first = @intCast(next), .last = max_code_point });
    return others.items;
}

/// Whether normalized ranges have it.
pub fn contains(ranges: []const Range, code_point: u21) bool {
    if (ranges.len == 1) return ranges[0].first <= code_point and code_point <= ranges[0].last;
    var low: usize = 0;
    var high = ranges.len;
    while (low < high) {
        const middle = (low + high) / 2;
        if (code_point > ranges[middle].last) low = middle + 1 else high = middle;
    }
    return low < ranges.len and ranges[low].first <= code_point;
}

pub fn isWord(code_point: ?u21) bool {
    return contains(words, code_point orelse return false);
}

/// Also where there is nothing more.
pub fn isLineEnd(code_point: ?u21) bool {
    return contains(line_ends, code_point orelse return true);
}

test "ranges" {
    var ranges = [_]Range{
        .{ .first = 'x', .last = 'z' }, .{ .first = 'a', .last = 'c' }, .{ .first = 'd', .last = 'd' },
        .{ .first = 'b', .last = 'b' },
    };
    const found = normalize(&ranges);
    try std.testing.expectEqualSlices(Range, &.{
        .{ .first = 'a', .last = 'd' }, .{ .first = 'x', .last = 'z' },
    }, found);
    for ("abcdxyz") |char| try std.testing.expect(contains(found, char));
    for ("`ew{") |char| try std.testing.expect(!contains(found, char));
    var arena = std.heap.ArenaAllocator.init(std.testing.allocator);
    defer arena.deinit();
    const others = try complement(arena.allocator(), found);
    for ("`ew{") |char| try std.testing.expect(contains(others, char));
    for ("adxz") |char| try std.testing.expect(!contains(others, char));
    try std.testing.expectEqual(1, (try complement(arena.allocator(), &.{})).len);
}
