//! What is put in place of a match: `$1` and `$<name>` are groups, `$&` the match, `$$` a dollar sign (ECMA-262,
//! GetSubstitution; what else follows a dollar sign is refused, because it would be written as it stands).

const std = @import("std");
const sdk = @import("sdk");
const Error = sdk.Error;
const Input = sdk.Input;

pub const Piece = union(enum) { text: []const u8, group: usize };

pub fn parse(input: Input, source: []const u8, groups: []const []const u8) Error![]const Piece {
    const allocator = input.ctx.allocator;
    var pieces: std.ArrayList(Piece) = .empty;
    var rest = source;
    while (std.mem.indexOfScalar(u8, rest, '$')) |at| {
        if (at > 0) try pieces.append(allocator, .{ .text = rest[0..at] });
        rest = rest[at + 1 ..];
        const piece, const length = readPiece(rest, groups) orelse return input.ctx.failInput(
            "`replacement` has `${s}`: after a dollar sign comes the number or the `<name>` of a group of the pattern, `&`, or a second one for the sign itself.",
            .{sdk.text.prefix(rest, 10)},
        );
        try pieces.append(allocator, piece);
        rest = rest[length..];
    }
    if (rest.len > 0) try pieces.append(allocator, .{ .text = rest });
    return pieces.items;
}

const Reading = struct { Piece, usize };

/// The piece and how long it is.
fn readPiece(rest: []const u8, groups: []const []const u8) ?Reading {
    if (rest.len == 0) return null;
    switch (rest[0]) {
        '$' => return .{ .{ .text = "$" }, 1 },
        '&' => return .{ .{ .group = 0 }, 1 },
        '<' => {
            const end = std.mem.indexOfScalar(u8, rest, '>') orelse return null;
            for (groups, 1..) |name, number| {
                if (name.len > 0 and std.mem.eql(u8, name, rest[1..end])) return .{ .{ .group = number }, end + 1 };
            }
            return null;
        },
        '0'...'9' => {},
        else => return null,
    }
    // Two digits where there are so many groups, else one.
    var length: usize = if (rest.len > 1 and std.ascii.isDigit(rest[1])) 2 else 1;
    while (length > 0) : (length -= 1) {
        const number = std.fmt.parseInt(usize, rest[0..length], 10) catch continue;
        if (number >= 1 and number <= groups.len) return .{ .{ .group = number }, length };
    }
    return null;
}
